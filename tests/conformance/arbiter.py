"""openapi-core as the judge of a request that the gateway and schemathesis disagree about."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qsl

from jsonschema_path import SchemaPath
from openapi_core import V30RequestValidator, V31RequestValidator
from openapi_core.datatypes import RequestParameters
from openapi_core.templating.paths.exceptions import PathError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from .documents import Document
from .wire import Wire, unquoted

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
    """A verdict, with what speaks against the request: the names of the errors and their texts, outermost first."""

    verdict: Verdict
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class _Request:
    """A request as `openapi_core.protocols.Request` has it."""

    method: str
    path: str
    parameters: RequestParameters
    body: bytes | None
    content_type: str
    host_url: str = _HOST_URL


class Arbiter:
    """The judge of requests to one document."""

    def __init__(self, document: Document) -> None:
        spec = SchemaPath.from_dict(document.content)
        newer = str(document.content["openapi"]).startswith("3.1")
        self._validator = (V31RequestValidator if newer else V30RequestValidator)(spec)

    def judge(self, wire: Wire) -> Judgement:
        """Judges what was on the wire, whatever it was meant to be."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                faults = tuple(_fault(error) for error in self._validator.iter_errors(self._request(wire)))
            except PathError as error:
                return Judgement(Verdict.INVALID, (_fault(error),))
            except Exception as error:  # noqa: BLE001 - whatever it fails with, it has not judged
                return Judgement(Verdict.UNDECIDED, (_fault(error),))
        return Judgement(Verdict.INVALID if faults else Verdict.VALID, faults)

    def _request(self, wire: Wire) -> _Request:
        method = wire.method.lower()
        found = self._validator.path_finder.find(method, f"{_HOST_URL}{wire.path}")
        parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(wire.query, keep_blank_values=True)),
            header=Headers({name.lower(): wire.header(name) or "" for name, _ in wire.headers}),
            cookie=_cookies(wire),
            path=_path_variables(found.path_result.variables),
        )
        return _Request(method, wire.path, parameters, wire.body, wire.header("content-type") or "")


def _cookies(wire: Wire) -> ImmutableMultiDict[str, str]:
    pairs = (pair.strip().partition("=") for pair in (wire.header("cookie") or "").split(";"))
    return ImmutableMultiDict((name, value) for name, _, value in pairs if name)


def _path_variables(raw: dict[str, str]) -> dict[str, str]:
    """Decoded, as a framework would hand them over, and under the names by which openapi-core looks for styles."""
    decoded = {name: unquoted(value) for name, value in raw.items()}
    styled = {f"{prefix}{name}{suffix}": decoded[name] for name in raw for prefix in ".;" for suffix in ("", "*")}
    return decoded | styled


def _fault(error: BaseException) -> str:
    """Its name and text, and those of what caused it."""
    texts = []
    cause: BaseException | None = error
    while cause is not None and len(texts) < 4:
        nested = "; ".join(getattr(one, "message", str(one)) for one in getattr(cause, "schema_errors", ()))
        texts.append(f"{type(cause).__name__}: {nested or cause}"[:400])
        cause = cause.__cause__
    return " <- ".join(texts)
