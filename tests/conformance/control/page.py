"""What a run came to, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .fuzzing import Outcome

_BEGIN = "<!-- control: written by `make conformance` -->"
_END = "<!-- /control -->"
_HEAD = ("| database | operations | requests | findings |", "|---|---:|---:|---:|")


def summary(database: str, outcome: Outcome, elapsed_s: float) -> str:
    """A line of counts."""
    operations, requests, findings = _counts(outcome)
    return (
        f"control plane on {database}: {requests} requests to {operations} operations in {elapsed_s:.0f} s, "
        f"{findings} findings{'' if outcome.is_clean else ': not clean'}"
    )


def write(outcomes: Mapping[str, Outcome], page: Path) -> None:
    """Puts the counts between the marks of the page."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{page} has no place for the counts: {_BEGIN} ... {_END}")
    rows = [f"| {name} | {' | '.join(str(count) for count in _counts(outcomes[name]))} |" for name in outcomes]
    page.write_text(f"{before}{begin}\n\n{chr(10).join([*_HEAD, *rows])}\n\n{end}{after}", encoding="utf-8")


def _counts(outcome: Outcome) -> tuple[int, int, int]:
    operations = (outcome.report.get("operations") or {}).get("tested", 0)
    cases = outcome.report.get("test_cases") or {}
    return operations, cases.get("generated", 0), cases.get("unique_failures", 0)
