"""What a run came to, for people."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from .comparison import Finding, Tally
from .documents import NAMES
from .reasons import REASONS, Side

#: Of findings that look alike, this many are printed whole.
_SHOWN_OF_EACH_KIND = 3
_TEXT_MAX = 800
_BEGIN = "<!-- measured: written by `make conformance` -->"
_END = "<!-- /measured -->"
_HEAD = (
    "| document | requests | valid, forwarded | invalid, refused | claims corrected | explained | findings |",
    "|---|---:|---:|---:|---:|---:|---:|",
)


def summary(name: str, tally: Tally, elapsed_s: float) -> str:
    """A few lines of counts."""
    lines = [
        f"{name}: {tally.sent} requests in {elapsed_s:.0f} s: {tally.valid_forwarded} valid forwarded, "
        f"{tally.invalid_refused} invalid refused, {tally.arbitrated.total()} claims corrected by openapi-core, "
        f"{tally.explained.total()} explained, {len(tally.findings)} findings"
    ]
    lines += [f"    {count:6} {reason}" for reason, count in tally.explained.most_common()]
    lines += [f"    {count:6} not made: {why}" for why, count in tally.unmade.most_common()]
    return "\n".join(lines)


def findings(tally: Tally) -> str:
    """The findings, those that look alike together, most frequent first."""
    groups: dict[tuple[str, ...], list[Finding]] = defaultdict(list)
    for finding in tally.findings:
        groups[_kind(finding)].append(finding)
    blocks = []
    for kind, alike in sorted(groups.items(), key=lambda entry: -len(entry[1])):
        blocks.append(f"--- {len(alike)} x {' | '.join(kind)}")
        blocks += [_finding(finding) for finding in alike[:_SHOWN_OF_EACH_KIND]]
    return "\n".join(blocks)


def write_findings(tally: Tally, path: Path) -> None:
    """Every finding, one JSON object a line."""
    with path.open("w", encoding="utf-8") as file:
        for finding in tally.findings:
            print(json.dumps({"kind": _kind(finding), "text": _finding(finding)}), file=file)


def write_page(tallies: Mapping[str, Tally], page: Path) -> None:
    """Puts the counts of what was run, beside those of what was not, and the reasons, between the marks of the page."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    measured, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"{page} has no place for the counts: {_BEGIN} ... {_END}")
    rows = {name: row for row in measured.splitlines() if (name := row.removeprefix("| ").partition(" |")[0]) in NAMES}
    rows |= {name: _row(name, tally) for name, tally in tallies.items()}
    table = "\n".join([*_HEAD, *(rows[name] for name in NAMES if name in rows)])
    page.write_text(f"{before}{_BEGIN}\n\n{table}\n\n{_reasons()}\n\n{_END}{after}", encoding="utf-8")


def _row(name: str, tally: Tally) -> str:
    differing = (tally.arbitrated.total(), tally.explained.total(), len(tally.findings))
    counts = (tally.sent, tally.valid_forwarded, tally.invalid_refused, *differing)
    return f"| {name} | {' | '.join(str(count) for count in counts)} |"


def _reasons() -> str:
    blocks = []
    for side in Side:
        blocks.append(f"### Where {side.value}\n")
        blocks += [f"- **{reason.name}**: {reason.text}" for reason in REASONS if reason.side is side]
        blocks.append("")
    return "\n".join(blocks).rstrip()


def _kind(finding: Finding) -> tuple[str, ...]:
    verdict = finding.judgement.verdict.value if finding.judgement else "-"
    fault = f"{finding.faults[0].part} {finding.faults[0].keyword}" if finding.faults else "-"
    return (finding.probe.claim.value, finding.outcome.value, finding.said[:3], verdict, fault)


def _finding(finding: Finding) -> str:
    probe = finding.probe
    lines = [
        probe.operation,
        f"  schemathesis: {probe.claim.value}: {probe.why}",
        f"  gateway:      {finding.outcome.value}: {finding.said[:_TEXT_MAX]}",
    ]
    if finding.judgement is not None:
        faults = "; ".join(str(fault) for fault in finding.judgement.faults)
        lines.append(f"  openapi-core: {finding.judgement.verdict.value}: {faults[:_TEXT_MAX]}")
    lines.append(f"  {probe.wire.to_curl()}")
    return "\n".join(lines)
