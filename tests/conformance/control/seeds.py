"""Things that are there before anything is fuzzed, so that paths lead somewhere."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, TypedDict

from .server import ControlPlane

#: How many sets there are that may be changed and deleted, beside the one that stays.
_PREY = 5
_OWN = "/api/v1"


@dataclass(slots=True)
class Seeds:
    """By the name of the parameter: what stands in paths, those of the set that stays first."""

    values: dict[str, list[str | int]] = field(default_factory=lambda: defaultdict(list))
    #: What nothing may delete, or nothing would be found any more.
    kept: set[str] = field(default_factory=set)
    #: By the operation, such as `DELETE /teams/{team}`: what makes one of its requests such that nobody refuses it,
    #: where that is too rare by chance.
    proofs: dict[str, Proof] = field(default_factory=dict)


class Proof(TypedDict, total=False):
    """What is put into a request."""

    path: dict[str, str]
    body: dict[str, str]


def plant(server: ControlPlane) -> Seeds:
    """Makes one of everything, several times."""
    seeds = Seeds()
    seeds.kept.add(server.ask("GET", f"{_OWN}/tokens/self")["id"])
    for number in range(1 + _PREY):
        made = _set(server, number)
        for name, value in made.items():
            seeds.values[name].append(value)
        if number == 0:
            seeds.kept |= {str(value) for value in made.values()}
    seeds.proofs = _proofs(server)
    seeds.values["number"] = [1, 2]
    seeds.values["version"] = [1, 2]
    seeds.values["path"] = ["openapi.json"]
    return seeds


def _proofs(server: ControlPlane) -> dict[str, Proof]:
    """Of things that nothing else knows, so that they are still there when their turn comes."""
    team = server.ask("POST", f"{_OWN}/teams", {"name": "proofs"})["id"]
    empty = server.ask("POST", f"{_OWN}/teams", {"name": "empty"})["id"]
    settings = {"upstream": "http://127.0.0.1:1"}
    doomed, other, project = (
        server.ask("POST", f"{_OWN}/projects", {"team": team, "name": name, "settings": settings})["id"]
        for name in ("doomed", "other", "proofs")
    )
    own = f"{_OWN}/projects/{project}"
    specs = [server.ask("POST", f"{own}/specs?name={name}", _document(name))["id"] for name in ("one", "two", "doomed")]
    deployed, forgotten = (server.built(spec)["artifact"] for spec in specs[:2])
    planes = [
        server.ask("POST", f"{_OWN}/teams/{team}/dataplanes", {"name": name, "kind": "gateway", "project": project})[
            "id"
        ]
        for name in ("by-team", "by-project")
    ]
    rotated, revoked = (
        server.ask("POST", f"{own}/api-keys", {"name": name})["api_key"]["id"] for name in ("rotated", "revoked")
    )
    # Nothing is deployed that only the first one vouches for.
    retired, active = (
        server.ask("GET", f"{_OWN}/projects/{of}/signing-keys")["items"][0]["id"] for of in (other, project)
    )
    generated = {"kind": "generated"}
    server.ask("POST", f"{_OWN}/projects/{other}/signing-keys/{retired}/rotate", generated)
    return {
        "DELETE /teams/{team}": {"path": {"team": empty}},
        "DELETE /projects/{project}": {"path": {"project": doomed}},
        "DELETE /specs/{spec}": {"path": {"spec": specs[2]}},
        "DELETE /projects/{project}/artifacts/{artifact}": {"path": {"project": project, "artifact": forgotten}},
        "DELETE /projects/{project}/api-keys/{api_key}": {"path": {"project": project, "api_key": revoked}},
        "DELETE /projects/{project}/data-planes/{data_plane}": {"path": {"project": project, "data_plane": planes[1]}},
        "DELETE /teams/{team}/dataplanes/{data_plane}": {"path": {"team": team, "data_plane": planes[0]}},
        "POST /projects/{project}/api-keys/{api_key}/rotate": {
            "path": {"project": project, "api_key": rotated},
            "body": {},
        },
        "POST /projects/{project}/deploy": {"path": {"project": project}, "body": {"artifact": deployed}},
        "POST /projects/{project}/signing-keys": {"path": {"project": project}, "body": generated},
        "POST /projects/{project}/signing-keys/{key}/retire": {"path": {"project": other, "key": retired}, "body": {}},
        "POST /projects/{project}/signing-keys/{key}/rotate": {
            "path": {"project": project, "key": active},
            "body": generated,
        },
    }


def _set(server: ControlPlane, number: int) -> dict[str, str | int]:
    team = server.ask("POST", f"{_OWN}/teams", {"name": f"team-{number}", "description": "of the fuzzer"})["id"]
    new = {"team": team, "name": "shop", "settings": {"upstream": "http://127.0.0.1:1"}}
    project = server.ask("POST", f"{_OWN}/projects", new)["id"]
    own = f"{_OWN}/projects/{project}"
    spec = server.ask("POST", f"{own}/specs?name=pets&message=first", _document("Pets"))["id"]
    server.ask("POST", f"{_OWN}/specs/{spec}/revisions", _document("Cats"))
    broken = server.ask("POST", f"{own}/specs?name=broken", {"openapi": "3.1.0", "paths": {"/x": 1}})["id"]
    if server.built(broken)["state"] != "failed":
        raise AssertionError("a document that is none was compiled")
    build = server.built(spec)
    artifact = build["artifact"]
    deployment = server.ask("POST", f"{own}/deploy", {"artifact": artifact, "message": "first"})["id"]
    plane = {"name": f"edge-{number}", "kind": "gateway", "project": project, "labels": {"env": "prod"}}
    data_plane = server.ask("POST", f"{_OWN}/teams/{team}/dataplanes", plane)["id"]
    token = server.ask("POST", f"{_OWN}/tokens", {"name": f"ci-{number}", "team": team})["token"]["id"]
    api_key = server.ask("POST", f"{own}/api-keys", {"name": "edge"})["api_key"]["id"]
    key = server.ask("GET", f"{own}/signing-keys")["items"][0]["id"]
    server.ask("POST", f"{own}/signing-keys/{key}/rotate", {"kind": "generated"})
    return {
        "team": team, "project": project, "spec": spec, "build": build["id"], "artifact": artifact,
        "deployment": deployment, "data_plane": data_plane, "token": token, "api_key": api_key, "key": key,
    }  # fmt: skip


def _document(title: str) -> dict[str, Any]:
    answer = {"200": {"description": "fine", "content": {"application/json": {"schema": {"type": "string"}}}}}
    operation = {"operationId": "pets", "responses": answer}
    return {"openapi": "3.1.0", "info": {"title": title, "version": "1"}, "paths": {"/pets": {"get": operation}}}
