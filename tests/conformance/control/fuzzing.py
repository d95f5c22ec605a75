"""schemathesis, run against a control plane."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from conformance.gateway import GatewayError

from .hooks import KEPT, PROOFS, SUCCEEDED
from .seeds import Seeds
from .server import ControlPlane

#: How often a parameter in a path is the id of something that is there.
_LEADS_SOMEWHERE = 0.7
_HOOKS = f"{__package__}.hooks"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is asked: of each operation at random, and how many sequences of requests."""

    at_random: int
    sequences: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run: the report of schemathesis, and what it printed."""

    report: dict[str, Any]
    text: str
    #: What is wrong with the run itself, whatever its report says.
    faults: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found, and everything was asked."""
        operations = self.report.get("operations") or {}
        return (
            self.report.get("exit_code") == 0
            and self.report.get("stop_reason") == "completed"
            and operations.get("tested", 0) > 0
            and operations.get("tested") == operations.get("total")
            and not self.report.get("errors")
            and not self.report.get("failures")
            and not self.faults
        )


class Asked(Protocol):
    """A server as far as its token is concerned."""

    def ask(self, method: str, path: str) -> Any:
        """What it answers to a request that must succeed."""


#: Operations that only refuse, and why.
_ONLY_REFUSED = {
    "POST /projects/{project}/artifacts": "its body is a file that a key of the project has signed; nobody guesses one",
    "POST /builds/{build}/cancel": "builds of the documents here end before anybody gets to cancel them",
    **{
        f"POST /deployments/{{deployment}}/{how}": "deployments without data planes end before anybody steers them"
        for how in ("abort", "pause", "promote", "resume")
    },
    "POST /projects/{project}/rollback": "there is one artifact, and the way back is to another one",
}


def without_success(document: dict[str, Any], succeeded: set[str]) -> list[str]:
    """The document's operations of which none did what it was asked, without those that are known for it."""
    methods = {"get", "put", "post", "patch", "delete", "head", "options", "trace"}
    operations = {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in methods & set(item)
    }
    return sorted(operations - succeeded - set(_ONLY_REFUSED))


def faults_of(server: Asked, own: str, unproved: list[str]) -> list[str]:
    """What makes a run worthless: 401, 403 and 404 are promised, and a token that was lost in the middle of it, or
    paths that lead nowhere, would get nothing else.
    """
    faults = [f"{operation}: nothing but refusals" for operation in unproved]
    try:
        after = server.ask("GET", "/api/v1/tokens/self")["id"]
    except GatewayError as error:
        return [f"the token of the run is good no more: {error}", *faults]
    return faults if after == own else [f"the token of the run is another one: {after} instead of {own}", *faults]


def fuzz(server: ControlPlane, seeds: Seeds, effort: Effort, seed: int) -> Outcome:
    """Fuzzes every operation of the document that the server has."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        folder = Path(name)
        own = server.ask("GET", "/api/v1/tokens/self")["id"]
        document = server.ask("GET", "/api-docs/openapi.json")
        succeeded = folder / "succeeded"
        succeeded.touch()
        (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
        (folder / "schemathesis.toml").write_text(_configuration(server, seeds, effort), encoding="utf-8")
        command = [
            str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(folder / "schemathesis.toml"),
            "run", str(folder / "openapi.json"), "--url", f"{server.url}/api/v1", "--seed", str(seed),
            "--report", "json", "--report-json-path", str(folder / "report.json"), "--no-color",
        ]  # fmt: skip
        root = str(Path(__file__).resolve().parents[2])
        environment = os.environ | {"PYTHONPATH": root, "PYTHONHASHSEED": "0", KEPT: json.dumps(sorted(seeds.kept))}
        environment |= {SUCCEEDED: str(succeeded), PROOFS: json.dumps(seeds.proofs)}
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        try:
            report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            report = {"exit_code": ran.returncode or 1}
        lines = set(succeeded.read_text(encoding="utf-8").splitlines())
        faults = [] if server.has_ended() else faults_of(server, own, without_success(document, lines))
    text = "".join(f"{fault}\n" for fault in faults)
    return Outcome(report, f"{ran.stdout}{ran.stderr}{text}", faults)


def _configuration(server: ControlPlane, seeds: Seeds, effort: Effort) -> str:
    """The configuration of schemathesis: JSON's strings, numbers and lists are TOML's as well."""
    lines = [
        f"hooks = {json.dumps(_HOOKS)}",
        "workers = 1",
        "continue-on-failure = true",
        'suppress-health-check = ["all"]',
        "request-timeout = 60",
        "[generation]",
        f"max-examples = {effort.at_random}",
        'database = "none"',
        "[phases.stateful.generation]",
        f"max-examples = {effort.sequences}",
        "[checks.negative_data_rejection]",
        'expected-statuses = ["4XX"]',
        "[checks.positive_data_acceptance]",
        # Rules that no schema can say (409, 412, 422), and ids of nothing.
        'expected-statuses = ["2XX", "304", "401", "403", "404", "409", "412", "416", "422", "428"]',
        "[checks.missing_required_header]",
        'expected-statuses = ["400", "401", "404", "428"]',
        "[auth.openapi.token]",
        f"bearer = {json.dumps(server.token)}",
        "[parameters]",
    ]
    lines += [f'"path.{name}" = {{ dictionary = "{name}", probability = {_LEADS_SOMEWHERE} }}' for name in seeds.values]
    lines.append('"query.with" = { dictionary = "artifact", probability = 0.7 }')
    for name, values in seeds.values.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    # That a project was made does not mean that anything of it was deployed.
    lines += [
        "[[operations]]",
        'include-path = "/projects/{project}/deployment"',
        "[operations.checks.ensure_resource_availability]",
        "enabled = false",
    ]
    return "\n".join(lines) + "\n"
