"""What schemathesis is told beside the document: it loads this module itself (`hooks` in its configuration)."""

from __future__ import annotations

import itertools
import json
import os
import re
import uuid
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import CheckContext, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import TestPhase

from conformance.generation import AnyCase

#: The variable with the ids of what stays, a JSON list.
KEPT = "CONFORMANCE_KEPT"
_KEPT = frozenset(json.loads(os.environ.get(KEPT, "[]")))
#: The variable with the file that takes a line for each operation that did what it was asked, such as `GET /teams`.
SUCCEEDED = "CONFORMANCE_SUCCEEDED"
_succeeded: set[str] = set()
#: The variable with what makes requests that nobody refuses (`Seeds.proofs`), as JSON.
PROOFS = "CONFORMANCE_PROOFS"
_PROOFS = json.loads(os.environ.get(PROOFS, "{}"))
#: These end something by the id in their path.
_ENDING = ("/rotate", "/retire")
_KEY = re.compile(r"[!#-\[\]-~]{1,200}")
_numbers = itertools.count(1)


@schemathesis.hook
def before_call(context: HookContext, case: AnyCase, kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    """Each request comes from an address of its own: some are made to be refused, and guessing costs an address time.
    What everything else stands on is neither deleted nor revoked.
    """
    number = next(_numbers)
    case.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    key = str(case.headers.get("Idempotency-Key", ""))
    if _KEY.fullmatch(key):
        # Used for one request, it is good for no other; schemathesis likes short ones.
        case.headers["Idempotency-Key"] = f"{key}-{number}"
    if _prove(case):
        return
    if case.method.upper() == "DELETE" or (case.path.startswith("/tokens/") and case.path.endswith(_ENDING)):
        for name, value in (case.path_parameters or {}).items():
            if str(value).lower() in _KEPT:
                case.path_parameters[name] = str(uuid.uuid5(uuid.NAMESPACE_OID, str(value)))


def _prove(case: AnyCase) -> bool:
    """Until one was not refused, a valid random request becomes one that leads to what was made for it."""
    label = case.operation.label
    if label in _succeeded or label not in _PROOFS or case.meta is None:
        return False
    if case.meta.phase.name is not TestPhase.FUZZING or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return False
    proof = _PROOFS[label]
    case.path_parameters.update(proof["path"])
    if "If-Match" in case.headers:
        case.headers["If-Match"] = "*"
    if "body" in proof:
        case.body = proof["body"]
    return True


@schemathesis.check
def successes(ctx: CheckContext, response: Response, case: AnyCase) -> bool | None:  # noqa: ARG001
    """Notes which operations did what they were asked: refusals alone prove little."""
    label = case.operation.label
    if 200 <= response.status_code < 300 and label not in _succeeded and (file := os.environ.get(SUCCEEDED)):
        _succeeded.add(label)
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(f"{label}\n")
    return None


@schemathesis.check
def promised_headers(ctx: CheckContext, response: Response, case: AnyCase) -> bool | None:  # noqa: ARG001
    """Every header that the document has for this answer is there: OpenAPI calls none of them required."""
    definition = case.operation.responses.find_by_status_code(response.status_code)
    if definition is None:
        return None
    missing = [name for name in definition.definition.get("headers", {}) if name.lower() not in response.headers]
    if missing:
        raise Failure(
            operation=case.operation.label,
            title="A header is missing",
            message=f"{response.status_code} without {', '.join(missing)}",
        )
    return None


@schemathesis.check
def refusals_are_problems(ctx: CheckContext, response: Response, case: AnyCase) -> bool | None:  # noqa: ARG001
    """Every refusal, of whatever layer, has a problem for a body, and says of which request it is."""
    if response.status_code < 400 or response.request.method == "HEAD":
        return None
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if (
        not isinstance(problem, dict)
        or problem.get("status") != response.status_code
        or not problem.get("code")
        or [problem.get("request_id")] != response.headers.get("x-request-id")
        or response.headers.get("content-type") != ["application/problem+json"]
    ):
        raise Failure(
            operation=case.operation.label,
            title="A refusal is no problem",
            message=f"{response.status_code} {dict(response.headers)} {response.text[:300]}",
        )
    return None
