"""`python -m conformance.control`: fuzzes the control plane's REST API by its own OpenAPI document."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conformance.gateway import GatewayError

from . import page, postgres, seeds
from .fuzzing import Effort, Outcome, fuzz
from .server import ControlPlane

DATABASES = ("sqlite", "postgres")
QUICK = Effort(at_random=4, sequences=10)
FULL = Effort(at_random=60, sequences=150)


def main() -> int:
    """0 where nothing was found, 1 where something was, 2 where a program did not do its part."""
    options = _options()
    effort = QUICK if options.quick else FULL
    databases = options.databases or DATABASES

    def attempt(database: str) -> tuple[Outcome | str, float]:
        began = time.monotonic()
        try:
            return run(database, options.binaries, effort, options.seed), time.monotonic() - began
        except GatewayError as error:
            return str(error), time.monotonic() - began

    with ThreadPoolExecutor() as threads:
        outcomes = dict(zip(databases, threads.map(attempt, databases), strict=True))
    worst = 0
    for database, (outcome, elapsed_s) in outcomes.items():
        if isinstance(outcome, str):
            print(f"{database}: {outcome}", file=sys.stderr)
            worst = 2
            continue
        print(page.summary(database, outcome, elapsed_s))
        if not outcome.is_clean or options.verbose:
            print(outcome.text)
            worst = worst if outcome.is_clean else max(worst, 1)
    if options.write and worst == 0:
        page.write(
            {name: outcome for name, (outcome, _) in outcomes.items() if isinstance(outcome, Outcome)}, options.write
        )
    return worst


def run(database: str, binaries: Path, effort: Effort, seed: int) -> Outcome:
    """Fuzzes a control plane over one database."""
    with contextlib.ExitStack() as stack:
        url = None
        if database == "postgres":
            folder = postgres.programs()
            if folder is None:
                raise GatewayError("PostgreSQL is not installed: run `scripts/tools.sh test`")
            url = stack.enter_context(postgres.Postgres(folder)).url
        server = stack.enter_context(ControlPlane(binaries, url))
        outcome = fuzz(server, seeds.plant(server), effort, seed)
        if server.has_ended():
            raise GatewayError(f"the control plane ended:\n{server.log()}")
        if not outcome.is_clean:
            outcome = Outcome(
                outcome.report, f"{outcome.text}\n--- the control plane's log\n{server.log()}", outcome.faults
            )
        return outcome


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conformance.control", description=__doc__)
    parser.add_argument("databases", nargs="*", metavar="DATABASE", help="of sqlite, postgres; both by default")
    parser.add_argument("--binaries", type=Path, required=True, help="the folder of portcullis-control")
    parser.add_argument("--quick", action="store_true", help="fewer requests, as `make test` runs it")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same requests")
    parser.add_argument("--verbose", action="store_true", help="what schemathesis prints, also where nothing is found")
    parser.add_argument("--write", type=Path, help="the page that takes the counts")
    options = parser.parse_args()
    if unknown := set(options.databases) - set(DATABASES):
        parser.error(f"no such database: {', '.join(sorted(unknown))}; there are {', '.join(DATABASES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
