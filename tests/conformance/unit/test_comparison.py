"""Every way in which the three can agree and differ, with a gateway that does as it is told."""

import json

import pytest

from conformance import documents, report
from conformance.arbiter import Judgement, Verdict
from conformance.comparison import Comparison, Outcome, Tally
from conformance.fault import Fault
from conformance.generation import Claim, Probe, Unmade
from conformance.upstream import MARK, Seen
from conformance.wire import Answer, Wire

_PROBLEM = json.dumps({"errors": [{"in": "query", "name": "a", "pointer": "", "keyword": "type", "message": "no"}]})
_UNKNOWN = Fault("query", "a", "", "type", "no")
_EMPTY = Fault("query", "a", "", "EmptyQueryParameterValue", "empty")
_DOCUMENT = documents.load(documents.OWN)


class Gateway:
    """Answers with `status`, and has the upstream see `body` where there is one."""

    def __init__(self, status: int, body: bytes | None) -> None:
        self._answer = Answer(status, b"" if status < 400 else _PROBLEM.encode())
        self._body = body
        self._seen: dict[str, Seen] = {}

    def send(self, wire: Wire) -> Answer:
        if self._answer.status == 0:
            raise ConnectionResetError
        if self._body is not None:
            self._seen[wire.header(MARK) or ""] = Seen(wire.method, wire.target, self._body)
        return self._answer

    def take(self, mark: str) -> Seen | None:
        return self._seen.pop(mark, None)


class Judge:
    """Says what it is told to."""

    def __init__(self, verdict: Verdict, *faults: Fault) -> None:
        self._judgement = Judgement(verdict, faults)

    def judge(self, _wire: Wire) -> Judgement:
        return self._judgement


FORWARDS = (200, b"body")
REFUSES = (400, None)


def tally_of(claim: Claim, gateway: tuple[int, bytes | None], judge: Judge) -> Tally:
    double = Gateway(*gateway)
    comparison = Comparison(_DOCUMENT, double, double, judge)
    comparison.run(Probe("GET /", claim, "because", Wire("GET", "/?a=", (), b"body")))
    return comparison.tally


def counts(tally: Tally) -> dict[str, int]:
    named = {
        "valid": tally.valid_forwarded,
        "invalid": tally.invalid_refused,
        "arbitrated": tally.arbitrated.total(),
        "explained": tally.explained.total(),
        "findings": len(tally.findings),
    }
    assert tally.sent == sum(named.values())
    return {name: count for name, count in named.items() if count}


@pytest.mark.parametrize(
    ("claim", "gateway", "judge", "expected"),
    [
        # Where the gateway does what was claimed, nobody else is asked.
        (Claim.VALID, FORWARDS, Judge(Verdict.INVALID, _UNKNOWN), "valid"),
        (Claim.INVALID, REFUSES, Judge(Verdict.VALID), "invalid"),
        (Claim.INVALID, (204, None), Judge(Verdict.VALID), "invalid"),
        # Where it does not, openapi-core decides.
        (Claim.INVALID, FORWARDS, Judge(Verdict.VALID), "arbitrated"),
        (Claim.VALID, REFUSES, Judge(Verdict.INVALID, _UNKNOWN), "arbitrated"),
        (Claim.INVALID, FORWARDS, Judge(Verdict.INVALID, _UNKNOWN), "findings"),
        (Claim.VALID, REFUSES, Judge(Verdict.VALID), "findings"),
        (Claim.VALID, (204, None), Judge(Verdict.VALID), "findings"),
        (Claim.VALID, REFUSES, Judge(Verdict.INVALID, _EMPTY), "findings"),
        (Claim.VALID, REFUSES, Judge(Verdict.INVALID, _EMPTY, _UNKNOWN), "arbitrated"),
        # A verdict that was not reached speaks for nobody.
        (Claim.INVALID, FORWARDS, Judge(Verdict.UNDECIDED, _UNKNOWN), "findings"),
        (Claim.VALID, REFUSES, Judge(Verdict.UNDECIDED, _EMPTY), "findings"),
        # A reason sets aside one fault, and not its neighbour.
        (Claim.INVALID, FORWARDS, Judge(Verdict.INVALID, _EMPTY), "explained"),
        (Claim.INVALID, FORWARDS, Judge(Verdict.INVALID, _EMPTY, _UNKNOWN), "findings"),
        # Whatever anybody claims: a server error, no answer, and another request upstream are findings.
        (Claim.INVALID, (502, None), Judge(Verdict.INVALID, _UNKNOWN), "findings"),
        (Claim.INVALID, (0, None), Judge(Verdict.INVALID, _UNKNOWN), "findings"),
        (Claim.VALID, (200, b"other"), Judge(Verdict.VALID), "findings"),
    ],
)
def test_what_becomes_of_a_request(
    claim: Claim, gateway: tuple[int, bytes | None], judge: Judge, expected: str
) -> None:
    assert counts(tally_of(claim, gateway, judge)) == {expected: 1}


def test_a_finding_shows_all_three() -> None:
    tally = tally_of(Claim.VALID, REFUSES, Judge(Verdict.VALID))
    assert tally.findings[0].outcome is Outcome.REFUSED
    assert tally.findings[0].faults == (_UNKNOWN,)
    text = report.findings(tally)
    for part in (
        "--- 1 x valid",
        "schemathesis: valid: because",
        "gateway:      refused: 400",
        "openapi-core: valid",
        "curl",
    ):
        assert part in text


def test_what_could_not_be_made_is_counted() -> None:
    double = Gateway(*FORWARDS)
    comparison = Comparison(_DOCUMENT, double, double, Judge(Verdict.VALID))
    comparison.run(Unmade("GET /", "cannot be sent"))
    assert comparison.tally.unmade == {"cannot be sent": 1}
    assert comparison.tally.sent == 0
