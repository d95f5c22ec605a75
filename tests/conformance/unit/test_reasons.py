"""Every reason sets aside what it is for, and not what stands next to it."""

import pytest

from conformance import documents
from conformance.arbiter import Arbiter
from conformance.fault import Fault
from conformance.generation import Claim, Probe
from conformance.reasons import REASONS, Disagreement, Reason, Side, explain
from conformance.wire import Wire

_DOCUMENT = documents.load(documents.OWN)
_ARBITER = Arbiter(_DOCUMENT)
_CAT = b'{"kind": "cat", "name": "Tom", "indoor": true%s}'
_JSON = {"content-type": "application/json", "x-request-key": "abcd"}
_FORM = {"content-type": "application/x-www-form-urlencoded", "x-request-key": "abcd"}
_PARTS = {"content-type": "multipart/form-data; boundary=b"}


def _parts(**fields: bytes) -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    return b"".join(part % (name.encode(), value) for name, value in fields.items()) + b"--b--\r\n"


_FILE = {"title": b"a", "file": b""}
_FILES = "POST /pets/{petId}/files"


@pytest.mark.parametrize(
    ("reason", "operation", "target", "headers", "body"),
    [
        ("empty-query-value", "GET /pets", "/pets?after=", {}, None),
        (None, "GET /pets", "/pets?after=x", {}, None),
        ("head-follows-get", "HEAD /pets", "/pets", {}, None),
        (None, "PUT /pets", "/pets", {}, None),
        ("text-in-multipart", _FILES, "/pets/1/files", _PARTS, _parts(**_FILE, pages=b"7")),
        (None, _FILES, "/pets/1/files", _PARTS, _parts(**_FILE, pages=b"x")),
        (None, _FILES, "/pets/1/files", _PARTS, _parts(**_FILE, pages=b"null")),
        (None, _FILES, "/pets/1/files", _PARTS, _parts(title=b"", file=b"", pages=b"7")),
        ("read-only", "POST /pets", "/pets", _JSON, _CAT % b""),
        (None, "POST /pets", "/pets", _JSON, _CAT % b', "age": 41'),
        ("empty-list", "GET /pets", "/pets?tag=", {}, None),
        (None, "GET /pets", "/pets?tag=A", {}, None),
        ("empty-list", "POST /pets", "/pets", _FORM, b"name=a&kind=cat&tag="),
        (None, "POST /pets", "/pets", _FORM, b"name=a&kind=cat&tag=A"),
        ("space-delimited", "GET /pets", "/pets?weight=1%202", {}, None),
        (None, "GET /pets", "/pets?id=x", {}, None),
        ("exploded-object", "GET /cages", "/cages?room=", {}, None),
        ("default-in-form", "POST /cages", "/cages", _FORM, b"name=a"),
        (None, "POST /cages", "/cages", _FORM, b"name=a&size=x"),
        ("body-of-no-structure", "PUT /cages", "/cages", {"content-type": "application/xml"}, b"<a/>"),
        ("body-of-no-structure", "PUT /cages", "/cages", {"content-type": "application/xml"}, b"<a>"),
        (None, "PUT /cages", "/cages", {"content-type": "text/csv"}, b"a"),
    ],
)
def test_a_reason_is_for_its_own_fault(
    reason: str | None, operation: str, target: str, headers: dict[str, str], body: bytes | None
) -> None:
    wire = Wire(operation.partition(" ")[0], f"/store/v1{target}", tuple(headers.items()), body)
    judgement = _ARBITER.judge(wire)
    assert judgement.faults, "openapi-core takes it for valid"
    assert _explained(wire, operation, Side.ARBITER, judgement.faults) == reason


_SYNTAX = Fault("body", "", "", "syntax", "the body is not a form")


@pytest.mark.parametrize(
    ("reason", "fault", "body"),
    [
        ("control-in-part-header", _SYNTAX, _parts(**{"a\x0b": b""})),
        (None, _SYNTAX, _parts(a=b"\x0b")),
        (None, Fault("body", "", "/a", "type", ""), _parts(**{"a\x0b": b""})),
        ("no-form-in-parts", _SYNTAX, b"--b\r\n1--b--\r\n"),
    ],
)
def test_a_reason_for_the_gateway_is_for_its_own_fault(reason: str | None, fault: Fault, body: bytes) -> None:
    wire = Wire("POST", "/store/v1/pets/1/files", tuple(_PARTS.items()), body)
    assert _explained(wire, _FILES, Side.GATEWAY, (fault,)) == reason


def test_a_list_in_brackets_is_no_object() -> None:
    for target, reason in [("/pets?range%5B%5D=1", "empty-brackets"), ("/pets?range%5Bx%5D=1", None)]:
        wire = Wire("GET", f"/store/v1{target}", ())
        fault = Fault("query", "range", "", "style", "")
        assert _explained(wire, "GET /pets", Side.GATEWAY, (fault,)) == reason


def test_a_required_field_that_is_not_there_is_absent() -> None:
    for body, reason in [(b"street=a", "object-of-no-field"), (b"address=a", None), (b"address=", None)]:
        wire = Wire("POST", "/store/v1/pets", tuple(_FORM.items()), body)
        fault = Fault("body", "", "/address", "required", "")
        assert _explained(wire, "POST /pets", Side.GATEWAY, (fault,)) == reason


def test_a_branch_is_set_aside_as_a_whole() -> None:
    unknown = Fault("query", "a", "", "type", "")
    empty = Fault("query", "a", "", "EmptyQueryParameterValue", "")
    for branches, reason in [
        (((unknown,), (empty,)), "empty-query-value"),
        (((unknown, empty), (unknown,)), None),
        ((), None),
    ]:
        fault = Fault("query", "a", "", "anyOf", "", branches=branches)
        assert _explained(Wire("GET", "/", ()), "GET /", Side.ARBITER, (fault,)) == reason


def test_no_two_reasons_have_one_name() -> None:
    assert len({reason.name for reason in REASONS}) == len(REASONS)


def _explained(wire: Wire, operation: str, side: Side, faults: tuple[Fault, ...]) -> str | None:
    reason = explain(Disagreement(_DOCUMENT, Probe(operation, Claim.INVALID, "", wire), side, faults))
    return reason.name if isinstance(reason, Reason) else None
