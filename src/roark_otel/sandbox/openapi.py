"""`GET /openapi.json`: the API of the sandbox, with the schema of bodies by which they are checked."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request


def openapi(_request: Request, _body: bytes) -> Response:
    """Answers with the document, as OpenAPI 3.1."""
    return Response(_document(), media_type="application/json")


@cache
def _document() -> str:
    here = files("roark_otel.sandbox")
    document = json.loads(here.joinpath("openapi.json").read_text("utf-8"))
    bodies = here.joinpath("schema.json").read_text("utf-8").replace("#/$defs/", "#/components/schemas/")
    document["components"]["schemas"].update(json.loads(bodies)["$defs"])
    return json.dumps(document)
