"""`python -m conformance`: runs documents through the gateway and says what came of it."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path

from . import documents, report
from .arbiter import Arbiter
from .comparison import Comparison, Tally
from .gateway import Gateway, GatewayError
from .generation import Effort, probes
from .upstream import Upstream
from .wire import Connection

QUICK = Effort(covering_max=150, at_random=20)
FULL = Effort(covering_max=250, at_random=25)


def main() -> int:
    """0 where every document is clean, 1 where there are findings, 2 where a binary did not do its part."""
    options = _options()
    effort = dataclasses.replace(QUICK if options.quick else FULL, every=options.every)
    tallies: dict[str, Tally] = {}
    for name in options.documents or documents.NAMES:
        if not documents.path_of(name).exists():
            print(f"{name}: skipped: no corpus at {documents.corpus()}")
            continue
        began = time.monotonic()
        try:
            tally = tallies[name] = run(name, options.binaries, effort, options.seed)
        except GatewayError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 2
        print(report.summary(name, tally, time.monotonic() - began))
        if tally.findings:
            print(report.findings(tally))
        sys.stdout.flush()
        if options.findings:
            report.write_findings(tally, options.findings / f"{name}.jsonl")
    if options.write:
        report.write_page(tallies, options.write)
    return 1 if any(tally.findings for tally in tallies.values()) else 0


def run(name: str, binaries: Path, effort: Effort, seed: int) -> Tally:
    """Runs one document."""
    document = documents.load(name)
    with Upstream() as upstream, Gateway(binaries, document.path, upstream.port) as gateway:
        comparison = Comparison(document, Connection(gateway.address), upstream, Arbiter(document))
        for probe in probes(document, effort, seed):
            comparison.run(probe)
    return comparison.tally


def _options() -> argparse.Namespace:
    names = ", ".join(documents.NAMES)
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("documents", nargs="*", metavar="DOCUMENT", help=f"of {names}; all of them by default")
    parser.add_argument("--binaries", type=Path, required=True, help="the folder of portcullis and portcullis-control")
    parser.add_argument("--quick", action="store_true", help="fewer requests of every kind, as `make test` runs it")
    parser.add_argument("--every", type=int, default=1, help="take every n-th operation only")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same requests")
    parser.add_argument("--findings", type=Path, help="a folder for all findings, as JSON lines")
    parser.add_argument("--write", type=Path, help="the page that takes the counts and the reasons")
    options = parser.parse_args()
    if unknown := set(options.documents) - set(documents.NAMES):
        parser.error(f"no such document: {', '.join(sorted(unknown))}; there are {names}")
    return options


if __name__ == "__main__":
    sys.exit(main())
