"""Requests made by schemathesis, each with what it claims of them."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import hypothesis
import requests
from hypothesis.errors import Unsatisfiable
from schemathesis.core import SCHEMATHESIS_TEST_CASE_HEADER
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.result import Err, Result
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.overrides import Override
from schemathesis.schemas import APIOperation
from schemathesis.transport.requests import REQUESTS_TRANSPORT

from .documents import Document
from .wire import Wire

Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
AnyCase: TypeAlias = Case[Operation]
_HOST = "gateway.example"


class Claim(Enum):
    """What schemathesis says of a request that it made."""

    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Probe:
    """A request, what is claimed of it, and why."""

    operation: str
    claim: Claim
    why: str
    wire: Wire


@dataclass(frozen=True, slots=True)
class Effort:
    """How many requests are made for an operation: of those that cover its schemas one by one, and at random.

    `at_random` is for each of the two claims. `every` takes every n-th operation.
    """

    covering_max: int
    at_random: int
    every: int = 1


@dataclass(frozen=True, slots=True)
class Unmade:
    """Where schemathesis could make no request, and why."""

    operation: str
    why: str


def probes(document: Document, effort: Effort, seed: int) -> Iterator[Probe | Unmade]:
    """The requests for a document: the same ones for the same seed."""
    for index, result in enumerate(document.schema.get_all_operations()):
        if index % effort.every:
            continue
        operation = _operation(result)
        cases = [*_covering(operation, effort.covering_max)]
        for mode in GenerationMode:
            cases += _at_random(operation, mode, effort.at_random, seed)
        for case in cases:
            try:
                yield _probe(document, case)
            except (requests.exceptions.RequestException, UnicodeError, ValueError) as error:
                yield Unmade(operation.label, f"cannot be sent: {type(error).__name__}")


def _operation(result: Result[Operation, InvalidSchema]) -> Operation:
    if isinstance(result, Err):
        raise result.err()
    return result.ok()


def _covering(operation: Operation, at_most: int) -> list[AnyCase]:
    """The cases that walk through the schemas keyword by keyword, thinned out evenly."""
    generator = CoverageGenerator(
        operation=operation,
        generation_modes=list(GenerationMode),
        generation_config=operation.schema.config.generation,
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )
    cases = list(generator)
    step = max(1, -(-len(cases) // at_most))
    return cases[::step]


def _at_random(operation: Operation, mode: GenerationMode, count: int, seed: int) -> list[AnyCase]:
    cases: list[AnyCase] = []
    own_seed = zlib.crc32(f"{seed} {mode.value} {operation.label}".encode())

    @hypothesis.seed(own_seed)
    @hypothesis.settings(
        database=None,
        deadline=None,
        max_examples=count,
        phases=(hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode, feedback=NO_FEEDBACK))
    def collect(case: AnyCase) -> None:
        cases.append(case)

    # An operation that takes anything, or nothing, cannot be sent anything invalid.
    with contextlib.suppress(Unsatisfiable):
        collect()
    return cases


def _probe(document: Document, case: AnyCase) -> Probe:
    arguments = REQUESTS_TRANSPORT.serialize_case(case, base_url=f"http://{_HOST}{document.base_path}")
    prepared = requests.Request(**arguments).prepare()
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    headers = (("Host", _HOST), *((name, _text(value)) for name, value in prepared.headers.items()))
    wire = Wire(prepared.method or case.method, prepared.path_url, headers, body)
    wire = wire.without_header(SCHEMATHESIS_TEST_CASE_HEADER)
    wire.to_bytes()
    assert case.meta is not None
    claim = Claim.VALID if case.meta.generation.mode.is_positive else Claim.INVALID
    return Probe(case.operation.label, claim, _why(case), wire)


def _why(case: AnyCase) -> str:
    assert case.meta is not None
    phase = case.meta.phase
    location = phase.data.parameter_location.value if phase.data.parameter_location else None
    where = " ".join(part for part in (location, phase.data.parameter, phase.data.location) if part)
    text = phase.data.description or phase.name.value
    return f"{text} ({where})" if where else text


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
