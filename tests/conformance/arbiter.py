"""openapi-core as the judge of a request that the gateway and schemathesis disagree about."""

from __future__ import annotations

import copy
import logging
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
from jsonschema_path import SchemaPath
from openapi_core import V30RequestValidator, V31RequestValidator
from openapi_core.datatypes import RequestParameters
from openapi_core.deserializing.media_types.util import json_loads, plain_loads
from openapi_core.templating.paths.exceptions import PathError
from openapi_core.validation.request.exceptions import (
    MissingRequiredRequestBody,
    ParameterValidationError,
    RequestBodyValidationError,
)
from openapi_core.validation.schemas.exceptions import InvalidSchemaValue
from werkzeug.datastructures import Headers, ImmutableMultiDict

from .documents import Document
from .fault import Fault
from .wire import Wire, unquoted

#: The structured types that openapi-core decodes, as far as schemathesis sends them.
_READABLE = (
    "application/json",
    "text/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
)
_NO_BODY = MissingRequiredRequestBody.__name__
_HOST_URL = "http://gateway.example"
# It warns of what it passes over; its verdict is what counts here.
logging.getLogger("openapi_core").setLevel(logging.ERROR)


class Verdict(Enum):
    """What openapi-core says of a request."""

    VALID = "valid"
    INVALID = "invalid"
    #: It failed while it looked.
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, with what speaks against the request."""

    verdict: Verdict
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True)
class _Request:
    """A request as `openapi_core.protocols.Request` has it."""

    method: str
    path: str
    parameters: RequestParameters
    body: bytes | None
    content_type: str
    host_url: str = _HOST_URL


class _Empty(bytes):
    """No bytes, that openapi-core does not take for no body."""

    def __bool__(self) -> bool:
        return True


class Arbiter:
    """The judge of requests to one document."""

    def __init__(self, document: Document) -> None:
        content = copy.deepcopy(document.content)
        _take_out_discriminators(content)
        media_types = set(_spell_out_ranges(content))
        newer = str(content["openapi"]).startswith("3.1")
        self._validator = (V31RequestValidator if newer else V30RequestValidator)(
            SchemaPath.from_dict(content),
            extra_media_type_deserializers={
                **{name: plain_loads for name in media_types if name.startswith("text/")},
                **{name: json_loads for name in media_types if name.endswith(("+json", "/json"))},
                # A file is a string of its schema, however its bytes read.
                "application/octet-stream": lambda value, **_: value.decode("utf-8", "surrogateescape"),
            },
        )

    def judge(self, wire: Wire) -> Judgement:
        """Judges what was on the wire, whatever it was meant to be."""
        judgement = self._judge(wire, wire.body)
        if wire.header("content-type") and any(fault.keyword == _NO_BODY for fault in judgement.faults):
            # Where a body is required, and its type is given, it is there: an empty text of that type.
            return self._judge(wire, _Empty())
        return judgement

    def _judge(self, wire: Wire, body: bytes | None) -> Judgement:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                errors = list(self._validator.iter_errors(self._request(wire, body)))
            except PathError as error:
                return Judgement(Verdict.INVALID, (_fault("request", "", error),))
            except Exception as error:  # noqa: BLE001 - whatever it fails with, it has not judged
                return Judgement(Verdict.UNDECIDED, (_fault("request", "", error),))
        faults = tuple(fault for error in errors for fault in _faults(error))
        return Judgement(Verdict.INVALID if faults else Verdict.VALID, faults)

    def _request(self, wire: Wire, body: bytes | None) -> _Request:
        method = wire.method.lower()
        found = self._validator.path_finder.find(method, f"{_HOST_URL}{wire.path}")
        parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(wire.query, keep_blank_values=True)),
            header=Headers({name.lower(): wire.header(name) or "" for name, _ in wire.headers}),
            cookie=_cookies(wire),
            path=_path_variables(found.path_result.variables),
        )
        return _Request(method, wire.path, parameters, body, wire.header("content-type") or "")


def _take_out_discriminators(node: Any) -> None:
    """None of them changes a verdict (OpenAPI, Discriminator Object); openapi-core judges by their mapping alone."""
    if isinstance(node, list):
        for item in node:
            _take_out_discriminators(item)
    if isinstance(node, dict):
        discriminator = node.get("discriminator")
        if isinstance(discriminator, dict) and isinstance(discriminator.get("propertyName"), str):
            del node["discriminator"]
        for value in node.values():
            _take_out_discriminators(value)


def _spell_out_ranges(node: Any) -> Iterator[str]:
    """The media types of all content. A range gets the types beside it that openapi-core can read: it does not decode
    what it finds by a range.
    """
    if isinstance(node, list):
        for item in node:
            yield from _spell_out_ranges(item)
    if not isinstance(node, dict):
        return
    content = node.get("content")
    if isinstance(content, dict) and all("/" in name for name in content):
        for name, media_type in list(content.items()):
            for concrete in _READABLE if name == "*/*" else ():
                content.setdefault(concrete, media_type)
        yield from content
    for value in node.values():
        yield from _spell_out_ranges(value)


def _cookies(wire: Wire) -> ImmutableMultiDict[str, str]:
    pairs = (pair.strip().partition("=") for pair in (wire.header("cookie") or "").split(";"))
    return ImmutableMultiDict((name, value) for name, _, value in pairs if name)


def _path_variables(raw: dict[str, str]) -> dict[str, str]:
    """Decoded, as a framework would hand them over, and under the names by which openapi-core looks for styles."""
    decoded = {name: unquoted(value) for name, value in raw.items()}
    styled = {f"{prefix}{name}{suffix}": decoded[name] for name in raw for prefix in ".;" for suffix in ("", "*")}
    return decoded | styled


def _faults(error: Exception) -> Iterator[Fault]:
    """What an error of a request is made of: the keywords of a schema, where a schema was reached."""
    part, name = "request", ""
    if isinstance(error, RequestBodyValidationError):
        part = "body"
    elif isinstance(error, ParameterValidationError):
        part, name = error.location, error.name
    if isinstance(error.__cause__, InvalidSchemaValue):
        for broken in error.__cause__.schema_errors:
            assert isinstance(broken, jsonschema.ValidationError)
            yield _broken(part, name, broken)
    else:
        yield _fault(part, name, error)


def _broken(part: str, name: str, error: jsonschema.ValidationError) -> Fault:
    """A keyword that is broken, and what is broken below it."""
    pointer = "".join(f"/{step}" for step in error.absolute_path)
    branches: dict[object, list[Fault]] = defaultdict(list)
    for nested in error.context or ():
        branches[nested.schema_path[0]].append(_broken(part, name, nested))
    below = tuple(tuple(branch) for branch in branches.values())
    return Fault(part, name, pointer, str(error.validator), error.message[:300], error.schema, error.instance, below)


def _fault(part: str, name: str, error: BaseException) -> Fault:
    """An error of its own kind, known by what caused it in the first place."""
    root = error
    while root.__cause__ is not None:
        root = root.__cause__
    try:
        text = str(error)
    except ValueError as unprintable:
        text = repr(unprintable)
    return Fault(part, name, "", type(root).__name__, text[:300])
