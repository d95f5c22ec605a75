"""What a run came to, for people."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from .comparison import Finding, Tally

#: Of findings that look alike, this many are printed whole.
_SHOWN_OF_EACH_KIND = 3


def summary(name: str, tally: Tally, elapsed_s: float) -> str:
    """A few lines of counts."""
    lines = [
        f"{name}: {tally.sent} requests in {elapsed_s:.0f} s: {tally.valid_forwarded} valid forwarded, "
        f"{tally.invalid_refused} invalid refused, {tally.arbitrated.total()} where openapi-core corrects schemathesis, "
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


def _kind(finding: Finding) -> tuple[str, ...]:
    fault = finding.judgement.faults[0].split(":")[0] if finding.judgement and finding.judgement.faults else "-"
    verdict = finding.judgement.verdict.value if finding.judgement else "-"
    return (finding.probe.claim.value, finding.outcome.value, finding.answer[:3], verdict, fault, finding.probe.why[:40])


def _finding(finding: Finding) -> str:
    probe = finding.probe
    lines = [
        f"{probe.operation}",
        f"  schemathesis: {probe.claim.value}: {probe.why}",
        f"  gateway:      {finding.outcome.value}: {finding.answer[:600]}",
    ]
    if finding.judgement is not None:
        faults = "; ".join(finding.judgement.faults)
        lines.append(f"  openapi-core: {finding.judgement.verdict.value}: {faults[:600]}")
    lines.append(f"  {probe.wire.to_curl()[:2000]}")
    return "\n".join(lines)
