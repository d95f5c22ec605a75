"""What the gateway did with each request, beside what was claimed of it."""

from __future__ import annotations

import http.client
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from .arbiter import Judgement, Verdict
from .documents import Document
from .fault import Fault, from_problem
from .generation import Claim, Probe, Unmade
from .reasons import Disagreement, Reason, Side, explain
from .upstream import MARK, Seen
from .wire import Answer, Wire


class Sends(Protocol):
    """Something that a request can be sent through."""

    def send(self, wire: Wire) -> Answer: ...


class Remembers(Protocol):
    """Something that knows which requests came out on the other side."""

    def take(self, mark: str) -> Seen | None: ...


class Judges(Protocol):
    """Something that judges a request by itself."""

    def judge(self, wire: Wire, /) -> Judgement: ...


class Outcome(Enum):
    """What became of a request."""

    FORWARDED = "forwarded"
    #: 4xx, and the upstream never heard of it.
    REFUSED = "refused"
    #: The gateway answered by itself, as it does `OPTIONS`.
    ANSWERED = "answered"
    #: 5xx, or no answer.
    BROKEN = "broken"
    #: The upstream saw another request than was sent.
    ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that nobody explains."""

    probe: Probe
    outcome: Outcome
    #: What came back, for people.
    said: str
    judgement: Judgement | None
    #: Of the stricter side, those that no reason sets aside.
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True)
class Tally:
    """What a run came to."""

    valid_forwarded: int = 0
    invalid_refused: int = 0
    #: Disagreements in which openapi-core took the gateway's side, by what was claimed.
    arbitrated: Counter[Claim] = field(default_factory=Counter)
    #: Differences that are meant, by the name of their reason.
    explained: Counter[str] = field(default_factory=Counter)
    unmade: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Requests that went to the gateway."""
        agreed = self.valid_forwarded + self.invalid_refused
        return agreed + self.arbitrated.total() + self.explained.total() + len(self.findings)


class Comparison:
    """Sends requests and keeps the tally."""

    def __init__(self, document: Document, gateway: Sends, upstream: Remembers, arbiter: Judges) -> None:
        self._document = document
        self._gateway = gateway
        self._upstream = upstream
        self._arbiter = arbiter
        self._sent = 0
        self.tally = Tally()

    def run(self, probe: Probe | Unmade) -> None:
        """Sends one request and counts what came of it."""
        if isinstance(probe, Unmade):
            self.tally.unmade[probe.why] += 1
            return
        outcome, answer, said = self._send(probe.wire)
        if outcome in (Outcome.BROKEN, Outcome.ALTERED):
            self.tally.findings.append(Finding(probe, outcome, said, None))
        elif outcome is Outcome.FORWARDED and probe.claim is Claim.VALID:
            self.tally.valid_forwarded += 1
        elif outcome is not Outcome.FORWARDED and probe.claim is Claim.INVALID:
            self.tally.invalid_refused += 1
        else:
            self._arbitrate(probe, outcome, answer, said)

    def _send(self, wire: Wire) -> tuple[Outcome, Answer, str]:
        self._sent += 1
        mark = str(self._sent)
        try:
            answer = self._gateway.send(wire.with_header(MARK, mark))
        except (OSError, http.client.HTTPException) as error:
            return Outcome.BROKEN, Answer(0, b""), repr(error)
        said = f"{answer.status} {answer.body.decode('utf-8', 'replace')}".strip()
        seen = self._upstream.take(mark)
        if answer.status >= 500:
            return Outcome.BROKEN, answer, said
        if seen is None:
            return (Outcome.REFUSED if answer.status >= 400 else Outcome.ANSWERED), answer, said
        if seen != Seen(wire.method, wire.target, wire.body or b""):
            return Outcome.ALTERED, answer, f"the upstream saw {seen}"
        return Outcome.FORWARDED, answer, said

    def _arbitrate(self, probe: Probe, outcome: Outcome, answer: Answer, said: str) -> None:
        judgement = self._arbiter.judge(probe.wire)
        against = explain(Disagreement(self._document, probe, Side.ARBITER, judgement.faults))
        if outcome is Outcome.FORWARDED:
            agrees, explained = judgement.verdict is Verdict.VALID, against
        else:
            # A refusal is not borne out by faults that would be set aside in what is forwarded.
            agrees = judgement.verdict is Verdict.INVALID and not isinstance(against, Reason)
            faults = from_problem(answer.status, answer.body)
            explained = explain(Disagreement(self._document, probe, Side.GATEWAY, faults))
        if agrees:
            self.tally.arbitrated[probe.claim] += 1
        elif isinstance(explained, Reason):
            self.tally.explained[explained.name] += 1
        else:
            self.tally.findings.append(Finding(probe, outcome, said, judgement, explained))
