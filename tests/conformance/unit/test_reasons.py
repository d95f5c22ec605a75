"""Every reason sets aside what it is for, and not what stands next to it."""

import pytest

from conformance import documents
from conformance.arbiter import Arbiter
from conformance.generation import Claim, Probe
from conformance.reasons import REASONS, Disagreement, Reason, Side, explain
from conformance.wire import Wire

_DOCUMENT = documents.load(documents.OWN)
_ARBITER = Arbiter(_DOCUMENT)
_PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
_CAT = b'{"kind": "cat", "name": "Tom", "indoor": true%s}'


def _form(**parts: bytes) -> bytes:
    return b"".join(_PART % (name.encode(), value) for name, value in parts.items()) + b"--b--\r\n"


def _explained(method: str, target: str, body: bytes | None = None, **headers: str) -> str | None:
    """The reason that openapi-core is given for what it holds against a request to the pet store."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    wire = Wire(method, f"/store/v1{target}", named, body)
    judgement = _ARBITER.judge(wire)
    assert judgement.faults, "openapi-core takes it for valid"
    probe = Probe(target, Claim.INVALID, "", wire)
    reason = explain(Disagreement(_DOCUMENT, probe, Side.ARBITER, judgement.faults))
    return reason.name if isinstance(reason, Reason) else None


_JSON = {"content_type": "application/json", "x_request_key": "abcd"}
_MULTIPART = {"content_type": "multipart/form-data; boundary=b"}


@pytest.mark.parametrize(
    ("reason", "explained"),
    [
        ("empty-query-value", _explained("GET", "/pets?after=")),
        (None, _explained("GET", "/pets?after=x")),
        ("head-follows-get", _explained("HEAD", "/pets")),
        (None, _explained("PUT", "/pets")),
        (
            "text-in-multipart",
            _explained("POST", "/pets/1/files", _form(title=b"a", file=b"", pages=b"7"), **_MULTIPART),
        ),
        (None, _explained("POST", "/pets/1/files", _form(title=b"a", file=b"", pages=b"x"), **_MULTIPART)),
        (None, _explained("POST", "/pets/1/files", _form(title=b"", file=b"", pages=b"7"), **_MULTIPART)),
        ("read-only", _explained("POST", "/pets", _CAT % b"", **_JSON)),
        (None, _explained("POST", "/pets", _CAT % b', "age": 41', **_JSON)),
        ("space-delimited", _explained("GET", "/pets?weight=1%202")),
        (None, _explained("GET", "/pets?id=x")),
    ],
)
def test_a_reason_is_for_its_own_fault(reason: str | None, explained: str | None) -> None:
    assert explained == reason
