"""The requests of a run are the same each time, and of both kinds."""

from conformance import documents
from conformance.generation import Claim, Effort, Probe, probes

_EFFORT = Effort(covering_max=10, at_random=3, every=4)


def _made(seed: int) -> list[tuple[str, Claim, str, str]]:
    document = documents.load(documents.OWN)
    made = [probe for probe in probes(document, _EFFORT, seed) if isinstance(probe, Probe)]
    return [(probe.operation, probe.claim, probe.wire.method, probe.wire.target) for probe in made]


def test_the_same_seed_makes_the_same_requests() -> None:
    assert _made(1) == _made(1)
    assert _made(1) != _made(2)


def test_requests_of_both_kinds_go_where_the_document_is_served() -> None:
    made = _made(1)
    assert {claim for _, claim, _, _ in made} == set(Claim)
    assert all(target.startswith("/store/v1/") for _, _, _, target in made)
