"""When a run against the control plane counts as clean, and what is written of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.control import page
from conformance.control.fuzzing import Outcome, faults_of, without_success
from conformance.gateway import GatewayError

CLEAN: dict[str, Any] = {
    "exit_code": 0,
    "stop_reason": "completed",
    "operations": {"total": 2, "selected": 2, "tested": 2},
    "test_cases": {"generated": 7, "unique_failures": 0},
    "failures": [],
    "errors": [],
}


def test_a_clean_run_is_clean() -> None:
    assert Outcome(CLEAN, "").is_clean


@pytest.mark.parametrize(
    "changed",
    [
        {"exit_code": 1},
        {"stop_reason": "server_unavailable"},
        {"operations": {"total": 2, "tested": 1}},
        {"operations": {"total": 0, "tested": 0}},
        {"operations": None},
        {"failures": [{"title": "Server error"}]},
        {"errors": [{"title": "Hook Error"}]},
    ],
)
def test_anything_else_is_not(changed: dict[str, Any]) -> None:
    assert not Outcome(CLEAN | changed, "").is_clean


def test_a_run_that_proved_nothing_is_not_clean() -> None:
    assert not Outcome(CLEAN, "", ["the token of the run is good no more: 401"]).is_clean


def test_a_run_ends_with_the_token_that_it_began_with() -> None:
    class Server:
        def __init__(self, token: str | None) -> None:
            self.token = token

        def ask(self, method: str, path: str) -> Any:
            if self.token is None:
                raise GatewayError(f"{method} {path}: 401")
            return {"id": self.token}

    assert faults_of(Server("own"), "own", []) == []
    assert faults_of(Server("own"), "own", ["GET /pets"]) == ["GET /pets: nothing but refusals"]
    assert "good no more" in faults_of(Server(None), "own", [])[0]
    assert "another one" in faults_of(Server("other"), "own", [])[0]


def test_an_operation_that_only_refuses_is_named() -> None:
    document: dict[str, Any] = {"paths": {"/teams": {"get": {}, "post": {}, "parameters": []}, "/pets": {"get": {}}}}
    assert without_success(document, {"GET /teams", "GET /pets"}) == ["POST /teams"]
    assert without_success(document, {"GET /teams", "GET /pets", "POST /teams"}) == []


def test_no_report_is_not_clean() -> None:
    assert not Outcome({"exit_code": 1}, "").is_clean


def test_counts_stand_between_the_marks(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- control: written by `make conformance` -->\nold\n<!-- /control -->\nafter\n")
    page.write({"sqlite": Outcome(CLEAN, "")}, file)
    text = file.read_text()
    assert "| sqlite | 2 | 7 | 0 |" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
