"""Why the gateway may differ from both other programs: every difference that is meant, with its reason.

A reason sets aside one fault at a time: of those that openapi-core finds in what the gateway forwarded, or of those
that the gateway finds in what openapi-core takes for valid. A difference is explained where a reason sets aside every
single fault, so a reason never hides a second one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element

from .documents import Document
from .fault import Fault
from .generation import Probe
from .wire import unquoted


class Side(Enum):
    """Whose faults a reason sets aside."""

    ARBITER = "openapi-core refuses what the gateway forwards"
    GATEWAY = "the gateway refuses what openapi-core takes for valid"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A request that the gateway did not treat as was claimed, with what the stricter of the two judges says."""

    document: Document
    probe: Probe
    side: Side
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """A difference that is meant. `text` says who is right, and by which rule."""

    name: str
    side: Side
    text: str
    sets_aside: Callable[[Fault, Disagreement], bool]


def _media_type(about: Disagreement) -> str:
    return (about.probe.wire.header("content-type") or "").partition(";")[0].strip().lower()


def _is_undecoded(fault: Fault, about: Disagreement) -> bool:
    structured = _media_type(about).endswith("json") or _media_type(about) in (*_FORMS, "text/plain")
    undecoded = isinstance(fault.value, (bytes, Element)) or fault.keyword == "MediaTypeDeserializeError"
    return fault.part == "body" and undecoded and not structured


def _is_uncast_part(fault: Fault, about: Disagreement) -> bool:
    if _media_type(about) != "multipart/form-data" or fault.keyword != "type" or not isinstance(fault.schema, dict):
        return False
    types = fault.schema.get("type")
    wanted = types if isinstance(types, list) else [types]
    return isinstance(fault.value, str) and any(
        re.fullmatch(_TEXTS[kind], fault.value, re.DOTALL) for kind in wanted if kind in _TEXTS
    )


def _is_read_only(fault: Fault, _about: Disagreement) -> bool:
    if fault.keyword == "readOnly":
        return True
    if fault.keyword != "required" or not isinstance(fault.schema, dict):
        return False
    properties = fault.schema.get("properties", {})
    return any(
        properties[name].get("readOnly") is True
        for name in fault.schema["required"]
        if name in properties and fault.text.startswith(f"{name!r} is a required")
    )


def _is_made_up(fault: Fault, about: Disagreement) -> bool:
    """Whether it is about a field of a form that was not sent."""
    body = about.probe.wire.body or b""
    field = fault.pointer.split("/")[1] if fault.pointer else ""
    if _media_type(about) == "multipart/form-data":
        sent = f'name="{field}"'.encode() in body
    else:
        sent = any(name == field for name, _ in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return fault.part == "body" and field != "" and _media_type(about) in _FORMS and not sent


def _is_exploded_object(fault: Fault, about: Disagreement) -> bool:
    parameter = _parameter(fault, about)
    schema = _resolved(parameter.get("schema"), about.document)
    return (
        fault.part == "query"
        and parameter.get("style", "form") == "form"
        and parameter.get("explode", True) is True
        and schema.get("type") == "object"
    )


def _parameter(fault: Fault, about: Disagreement) -> dict[str, Any]:
    """The Parameter Object that a fault is about, empty where the operation declares none."""
    method, _, path = about.probe.operation.partition(" ")
    item = _resolved(about.document.content["paths"].get(path), about.document)
    for holder in (item.get(method.lower(), {}), item):
        for declared in holder.get("parameters", []):
            parameter = _resolved(declared, about.document)
            if (parameter.get("in"), parameter.get("name")) == (fault.part, fault.name):
                return parameter
    return {}


def _resolved(node: Any, document: Document) -> dict[str, Any]:
    """An object, or the one within the document that it refers to."""
    while isinstance(node, dict) and isinstance(reference := node.get("$ref"), str):
        node = document.content
        for step in reference.removeprefix("#/").split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]
    return node if isinstance(node, dict) else {}


def _is_no_multipart(fault: Fault, about: Disagreement) -> bool:
    body = about.probe.wire.body or b""
    is_form = _media_type(about) == "multipart/form-data"
    return fault.keyword == "syntax" and is_form and b"content-disposition:" not in body.lower()


def _is_of_no_field(fault: Fault, about: Disagreement) -> bool:
    """Whether it is about a member of a form of which nothing was sent under its name."""
    field = fault.pointer.removeprefix("/")
    is_form = _media_type(about) == "application/x-www-form-urlencoded"
    return is_form and fault.keyword == "required" and "/" not in field and _is_made_up(fault, about)


def _has_empty_brackets(fault: Fault, about: Disagreement) -> bool:
    names = (unquoted(pair.partition("=")[0]) for pair in about.probe.wire.query.split("&"))
    is_deep = _parameter(fault, about).get("style") == "deepObject"
    return fault.keyword == "style" and is_deep and f"{fault.name}[]" in names


def _has_control_in_part_header(fault: Fault, about: Disagreement) -> bool:
    headers = (
        line
        for line in (about.probe.wire.body or b"").split(b"\r\n")
        if line.lower().startswith(b"content-disposition:")
    )
    return (
        fault.keyword == "syntax"
        and _media_type(about) == "multipart/form-data"
        and any(byte < 0x20 or byte == 0x7F for line in headers for byte in line)
    )


_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
#: How a text stands for a value of each type of JSON (RFC 8259), where a schema asks for it.
_INTEGER = r"-?(0|[1-9][0-9]*)"
_TEXTS = {
    "null": "null|",
    "boolean": "true|false",
    "integer": _INTEGER,
    "number": _INTEGER + r"(\.[0-9]+)?([eE][+-]?[0-9]+)?",
    "array": r"\[.*\]",
    "object": r"\{.*\}",
}

REASONS: tuple[Reason, ...] = (
    Reason(
        "empty-query-value",
        Side.ARBITER,
        "openapi-core refuses an empty query value unless `allowEmptyValue` is set. That field only lets a zero-length "
        "value stand for an omitted parameter (OpenAPI, Parameter Object): otherwise it is judged by its schema.",
        lambda fault, _: fault.keyword == "EmptyQueryParameterValue",
    ),
    Reason(
        "head-follows-get",
        Side.ARBITER,
        "HEAD is answered wherever GET is (RFC 9110, 9.3.2); openapi-core wants it declared.",
        lambda fault, about: fault.keyword == "OperationNotFound" and about.probe.wire.method == "HEAD",
    ),
    Reason(
        "body-of-no-structure",
        Side.ARBITER,
        "A body that is no JSON, form or text (XML, YAML, an image) is not judged by its schema: the specification "
        "maps none of them to a value. openapi-core judges the undecoded bytes, or an XML element, as one.",
        _is_undecoded,
    ),
    Reason(
        "text-in-multipart",
        Side.ARBITER,
        "The part `7` of a multipart body is an integer where its schema says so, as it is in a query, and so for all "
        "of JSON's types; openapi-core leaves a part's text a string unless it says that it is JSON.",
        _is_uncast_part,
    ),
    Reason(
        "read-only",
        Side.ARBITER,
        "A `readOnly` property is not required in a request and, unless `read-only: refuse` is set, is let through. "
        "openapi-core refuses it under 3.0 (also where a path parameter's schema says it), and requires it under 3.1.",
        _is_read_only,
    ),
    Reason(
        "empty-list",
        Side.ARBITER,
        "An empty value of a list may be a list of one empty string or, as the specification shows no other way to "
        "write one, the empty list: whichever the schema allows. openapi-core knows the first alone.",
        lambda fault, about: (
            fault.pointer.endswith("/0")
            and fault.value == ""
            and (fault.part != "body" or _media_type(about) == "application/x-www-form-urlencoded")
        ),
    ),
    Reason(
        "space-delimited",
        Side.ARBITER,
        "openapi-core splits a `spaceDelimited` value at the text `%20` after decoding, where none is left.",
        lambda fault, about: _parameter(fault, about).get("style") == "spaceDelimited",
    ),
    Reason(
        "exploded-object",
        Side.ARBITER,
        "The members of an object of style `form` with `explode` are query parameters of their own (OpenAPI, "
        "Style Values), and one that has the object's name is none of them; openapi-core looks for that alone.",
        _is_exploded_object,
    ),
    Reason(
        "default-in-form",
        Side.ARBITER,
        "openapi-core puts the `default` of a field that was not sent into a form, and judges it. A default says what "
        "the server takes, not what was sent (JSON Schema 2020-12, Validation, 9.2).",
        _is_made_up,
    ),
    Reason(
        "control-in-part-header",
        Side.GATEWAY,
        "schemathesis writes names with control characters into the header of a part as they are. No header field may "
        "hold them (RFC 9110, 5.5; RFC 7578, 4.2 has them escaped); openapi-core reads with Python's lenient parser.",
        _has_control_in_part_header,
    ),
    Reason(
        "no-form-in-parts",
        Side.GATEWAY,
        "schemathesis writes a value that is no object between two boundaries, in no part: that is no multipart body "
        "(RFC 2046, 5.1.1), and is refused as malformed before any schema is asked.",
        _is_no_multipart,
    ),
    Reason(
        "object-of-no-field",
        Side.GATEWAY,
        "schemathesis writes the members of an object in a form as fields of their own, of an empty object nothing. "
        "A required field of which nothing is sent under its name is absent (objects in forms are JSON: OpenAPI, "
        "Encoding Object); openapi-core makes up an object for it.",
        _is_of_no_field,
    ),
    Reason(
        "empty-brackets",
        Side.GATEWAY,
        "`name[]=x` is how servers read a list, so it is not taken for an object with a member of no name; "
        "`deepObject` is defined for neither (OpenAPI, Style Examples).",
        _has_empty_brackets,
    ),
)


def explain(disagreement: Disagreement) -> Reason | tuple[Fault, ...]:
    """The reason for the first fault, where there is one for every fault; else the faults without one."""
    found = [(fault, _reason(fault, disagreement)) for fault in disagreement.faults]
    unexplained = tuple(fault for fault, reason in found if reason is None)
    first = found[0][1] if found else None
    return unexplained if unexplained or first is None else first


def _reason(fault: Fault, about: Disagreement) -> Reason | None:
    """The reason that sets a fault aside, or all faults of one of its branches."""
    for reason in REASONS:
        if reason.side is about.side and reason.sets_aside(fault, about):
            return reason
    for branch in fault.branches:
        reasons = [_reason(below, about) for below in branch]
        if all(reasons):
            return reasons[0]
    return None
