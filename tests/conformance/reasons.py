"""Why the gateway may differ from both other programs: every difference that is meant, with its reason.

A reason sets aside one fault at a time: of those that openapi-core finds in what the gateway forwarded, or of those
that the gateway finds in what openapi-core takes for valid. A difference is explained where a reason sets aside every
single fault, so a reason never hides a second one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from .documents import Document
from .fault import Fault
from .generation import Probe


class Side(Enum):
    """Whose faults a reason sets aside."""

    ARBITER = "openapi-core refuses what the gateway forwards"
    GATEWAY = "the gateway refuses what openapi-core takes for valid"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A request that the gateway did not treat as was claimed, with what the stricter of the two judges says."""

    document: Document
    probe: Probe
    side: Side
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """A difference that is meant. `text` says who is right, and by which rule."""

    name: str
    side: Side
    text: str
    sets_aside: Callable[[Fault, Disagreement], bool]


REASONS: tuple[Reason, ...] = (
    Reason(
        "empty-query-value",
        Side.ARBITER,
        "openapi-core refuses an empty query value unless `allowEmptyValue` is set. That field only lets a zero-length "
        "value stand for an omitted parameter (OpenAPI 3.0.4, 4.8.12.2.1): otherwise it is judged by its schema.",
        lambda fault, _: fault.keyword == "EmptyQueryParameterValue",
    ),
    Reason(
        "head-follows-get",
        Side.ARBITER,
        "HEAD is answered wherever GET is (RFC 9110, 9.3.2); openapi-core wants it declared.",
        lambda fault, about: fault.keyword == "OperationNotFound" and about.probe.wire.method == "HEAD",
    ),
)


def explain(disagreement: Disagreement) -> Reason | tuple[Fault, ...]:
    """The reason for the first fault, where there is one for every fault; else the faults without one."""
    reasons = [reason for reason in REASONS if reason.side is disagreement.side]
    found = [
        (fault, next((reason for reason in reasons if reason.sets_aside(fault, disagreement)), None))
        for fault in disagreement.faults
    ]
    unexplained = tuple(fault for fault, reason in found if reason is None)
    first = found[0][1] if found else None
    return unexplained if unexplained or first is None else first
