"""The OpenAPI document of the sandbox is true: of its routes, and of what they answer to anything."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import Route

from roark_otel.sandbox import Sandbox
from roark_otel.sandbox.app import build_app
from roark_otel.sandbox.database import Database
from roark_otel.sandbox.news import News
from roark_otel.sandbox.options import SandboxOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

Json = dict[str, Any]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "ignored_auth",
)
PAGES = re.compile(r"/|/(calls|refused|compare|static|pages)(/.*)?|/openapi\.json")


@pytest.fixture(name="document")
def _document(shared_raw: httpx.Client) -> Json:
    answer = shared_raw.get("/openapi.json", headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    document: Json = answer.json()
    return document


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "$ref":
                yield one
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_route_of_the_api_is_in_the_document(document: Json) -> None:
    database = Database(None)
    app = build_app(database, SandboxOptions(), News())
    database.close()
    served: dict[str, set[str]] = {}
    for route in app.routes:
        assert isinstance(route, Route)
        path = route.path.replace("/recordings/{name:roark_id}", "/recordings/{external_id}.wav")
        if PAGES.fullmatch(path) is None:
            served[path] = {method.lower() for method in route.methods or ()} - {"head"}

    written = {path: {name for name in item if name != "parameters"} for path, item in document["paths"].items()}

    assert written == served


def test_every_reference_leads_somewhere(document: Json) -> None:
    found = set(references(document))

    assert "#/components/schemas/transcriptEntry" in found
    for reference in found:
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_no_request_finds_an_answer_that_the_document_lacks() -> None:
    """Edges of the schema, random bodies and sequences of requests: none finds a 500."""
    options = ["--header", "Authorization: Bearer k", "--checks", ",".join(CHECKS), "--generation-database", "none"]
    bounds = ["--seed", "1", "--max-examples", "3", "--max-time", "120", "--no-color", "--suppress-health-check", "all"]

    with Sandbox(api_key="k") as sandbox:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{sandbox.url}/openapi.json"]
        answer = subprocess.run([*command, *options, *bounds], capture_output=True, text=True, check=False)  # noqa: S603 - ours

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "11 selected / 11 total" in answer.stdout
