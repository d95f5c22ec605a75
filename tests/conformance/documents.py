"""The documents that are run, and where they are."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import schemathesis
from schemathesis.specs.openapi.schemas import OpenApiSchema

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent.parent

#: Documents of the corpus, by the name they are run under.
CORPUS = {
    "petstore": "specs/swagger-petstore.oas30.yaml",
    "github": "specs/github-api-2022-07.oas30.json",
    "kubernetes": "specs/kubernetes-1.35-core-v1.oas30.json",
    "openai": "specs/openai-2026-08.oas31.json",
}
#: The one that is always there.
OWN = "own"
NAMES = (OWN, *CORPUS)


def corpus() -> Path:
    """The folder of the corpus, which need not be there."""
    named = os.environ.get("PORTCULLIS_CORPUS")
    return Path(named) if named else _ROOT.parent / "shared" / "corpus"


def path_of(name: str) -> Path:
    """The file of a document, which need not be there."""
    return _HERE / "petstore.yaml" if name == OWN else corpus() / CORPUS[name]


@dataclass(frozen=True, slots=True)
class Document:
    """A description that requests are made from. `base_path` is where its paths are served, without a final slash."""

    name: str
    path: Path
    schema: OpenApiSchema
    content: dict[str, Any]
    base_path: str


def load(name: str) -> Document:
    """Reads a document. In its content the base path of the first server stands for all, and `security` is gone."""
    path = path_of(name)
    schema = schemathesis.openapi.from_path(path)
    assert isinstance(schema, OpenApiSchema)
    # Credentials are no part of what is judged: the gateway runs with security off.
    schema.config.generation.update(with_security_parameters=False)
    content = copy.deepcopy(dict(schema.raw_schema))
    servers = content.get("servers") or [{"url": "/"}]
    base_path = urlsplit(servers[0]["url"]).path.rstrip("/")
    items = list(content["paths"].values())
    operations = [value for item in items for value in item.values() if isinstance(value, dict)]
    for holder in (content, *items, *operations):
        holder.pop("servers", None)
        holder.pop("security", None)
    content["servers"] = [{"url": base_path or "/"}]
    return Document(name, path, schema, content, base_path)
