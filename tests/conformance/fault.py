"""What one program holds against a request."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request.

    `part` is `path`, `query`, `header`, `cookie`, `body` or `request`; `name` a parameter's, `pointer` leads into its
    value or into the body (RFC 6901); `keyword` is of JSON Schema, or the program's own word for what is wrong.
    """

    part: str
    name: str
    pointer: str
    keyword: str
    text: str
    #: The schema that the keyword stands in, and what was judged by it, where the program tells them.
    schema: object = field(default=None, compare=False, repr=False)
    value: object = field(default=None, compare=False, repr=False)
    #: Of `anyOf` and `oneOf`: what is wrong by each of their schemas.
    branches: tuple[tuple[Fault, ...], ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        place = " ".join(part for part in (self.part, self.name, self.pointer) if part)
        return f"[{place}] {self.keyword}: {self.text}"


def from_problem(status: int, body: bytes) -> tuple[Fault, ...]:
    """The faults in the gateway's answer (RFC 9457, with `errors`); the whole answer is one where it lists none."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return (Fault("request", "", "", str(status), body[:200].decode("utf-8", "replace")),)
    errors = problem.get("errors")
    if not isinstance(errors, list) or not errors:
        code = str(problem.get("type", status)).rpartition(":")[2]
        return (Fault("request", "", "", code, str(problem.get("detail", problem.get("title", "")))),)
    return tuple(
        Fault(
            str(error.get("in", "request")),
            str(error.get("name", "")),
            str(error.get("pointer", "")),
            str(error.get("keyword", "")),
            str(error.get("message", "")),
        )
        for error in errors
    )
