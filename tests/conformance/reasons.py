"""Why the gateway may differ from both other programs: every difference that is meant, with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .arbiter import Judgement, Verdict
from .documents import Document
from .generation import Probe


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A request that the gateway did not treat as was claimed, and openapi-core did not take its side."""

    document: Document
    probe: Probe
    forwarded: bool
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Reason:
    """A difference that is meant. `text` says who is right, and by which rule."""

    name: str
    text: str
    holds: Callable[[Disagreement], bool]


REASONS: tuple[Reason, ...] = ()


def explain(disagreement: Disagreement) -> Reason | None:
    """The first reason that holds."""
    return next((reason for reason in REASONS if reason.holds(disagreement)), None)
