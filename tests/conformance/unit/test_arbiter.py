"""openapi-core, as it is asked here: one document, a table of requests."""

import pytest

from conformance import documents
from conformance.arbiter import Arbiter, Verdict
from conformance.wire import Wire

_ORDER = b'{"id": "7c2f5e0a-0d0b-4f0e-8f65-1f7a51a4b9d2", "lines": [{"pet": 1, "count": 1}]}'


@pytest.fixture(scope="module")
def arbiter() -> Arbiter:
    return Arbiter(documents.load(documents.OWN))


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "verdict", "fault"),
    [
        ("GET", "/pets?limit=1", {}, None, Verdict.VALID, None),
        ("GET", "/pets?limit=0", {}, None, Verdict.INVALID, ("query", "limit", "minimum")),
        ("GET", "/pets?limit=x", {}, None, Verdict.INVALID, ("query", "limit", "ValueError")),
        ("GET", "/pets?tag=ab&tag=cd", {}, None, Verdict.VALID, None),
        ("GET", "/pets?tag=AB", {}, None, Verdict.INVALID, ("query", "tag", "pattern")),
        ("GET", "/pets", {"x-depth": "10"}, None, Verdict.INVALID, ("header", "X-Depth", "maximum")),
        ("GET", "/pets", {"cookie": "a=b; visits=0"}, None, Verdict.INVALID, ("cookie", "visits", "minimum")),
        ("GET", "/pets/1?view=brief", {}, None, Verdict.VALID, None),
        ("GET", "/pets/%31?view=brief", {}, None, Verdict.VALID, None),
        ("GET", "/pets/1", {}, None, Verdict.INVALID, ("query", "view", "MissingRequiredParameter")),
        ("GET", "/kinds/cat,bird", {}, None, Verdict.VALID, None),
        ("GET", "/places/;row=1;column=2", {}, None, Verdict.VALID, None),
        ("GET", "/places/;row=1;column=x", {}, None, Verdict.INVALID, ("path", "place", "ValueError")),
        ("GET", "/versions/.1.2", {}, None, Verdict.VALID, None),
        ("GET", "/versions/.1.100", {}, None, Verdict.INVALID, ("path", "version", "maximum")),
        ("POST", "/orders", {"content-type": "application/json"}, _ORDER, Verdict.VALID, None),
        (
            "PATCH",
            "/pets/1",
            {"content-type": "application/merge-patch+json"},
            b"{}",
            Verdict.INVALID,
            ("body", "", "minProperties"),
        ),
        ("POST", "/orders", {"content-type": "text/csv"}, _ORDER, Verdict.INVALID, ("body", "", "MediaTypeNotFound")),
        ("POST", "/orders", {"content-type": "application/json"}, b"{}", Verdict.INVALID, ("body", "", "required")),
        ("POST", "/orders", {}, None, Verdict.INVALID, ("body", "", "MissingRequiredRequestBody")),
        ("PUT", "/orders", {}, None, Verdict.INVALID, ("request", "", "OperationNotFound")),
        ("GET", "/nothing", {}, None, Verdict.INVALID, ("request", "", "PathNotFound")),
    ],
)
def test_a_request_is_judged(  # noqa: PLR0913, PLR0917 - a row of the table
    arbiter: Arbiter,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes | None,
    verdict: Verdict,
    fault: tuple[str, str, str] | None,
) -> None:
    judgement = arbiter.judge(Wire(method, f"/store/v1{target}", tuple(headers.items()), body))
    first = judgement.faults[0] if judgement.faults else None
    assert (judgement.verdict, first and (first.part, first.name, first.keyword)) == (verdict, fault)
