"""Keeps the requests that were refused, so that a page can show which fields were wrong."""

from __future__ import annotations

import logging
import re
import sqlite3
from typing import TYPE_CHECKING, Final, cast

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from roark_otel.sandbox.errors import Issue
from roark_otel.sandbox.json_values import JsonObject, NotJsonError, object_at, objects_at, parse_object, text_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from roark_otel.sandbox.arrivals import Arrivals
    from roark_otel.sandbox.news import News

_logger = logging.getLogger("roark_sandbox")

# What proves who sends a request is kept from pages and from the file.
_SECRET: Final = re.compile(r"auth|cookie|token|secret|api-?key", re.IGNORECASE)
_LONGEST_HEADER: Final = 1000
_TAKEN: Final = Issue("externalId", "belongs to another call already")
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Returns the headers that a page may show: none that holds a key."""
    return {name: value[:_LONGEST_HEADER] for name, value in headers.items() if not _SECRET.search(name)}


class Refusals:
    """Keeps each request to change something under `/v1/call` that is answered with 400 or more.

    Args:
        app: The app behind it, which answers in one piece.
        arrivals: Keeps them.
        news: Hears of them.
    """

    def __init__(self, app: ASGIApp, arrivals: Arrivals, news: News) -> None:
        self._app = app
        self._arrivals = arrivals
        self._news = news

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        path = scope["path"]
        if scope["method"] not in _WRITES or not (path == "/v1/call" or path.startswith("/v1/call/")):
            await self._app(scope, receive, send)
            return
        # Whole, as `WholeBody` gives it. Read here, because what refuses a request may not look at its body.
        posted = await receive()
        pending = [posted]
        start: Message = {}

        async def listen() -> Message:
            return pending.pop() if pending else await receive()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                start.update(message)
                return
            if start and not message.get("more_body", False):
                # Kept before it is answered, so that whoever reads the answer finds it.
                await run_in_threadpool(
                    self._keep, start["status"], posted.get("body", b""), Headers(scope=scope), message.get("body", b"")
                )
                await send(start)
            await send(message)

        await self._app(scope, listen, answer)

    def _keep(self, status: int, posted: bytes, headers: Mapping[str, str], answered: bytes) -> None:
        body, answer = _object(posted), _object(answered)
        issues = _issues(answer) or ([_TAKEN] if status == 409 else [])
        try:
            seq = self._arrivals.refuse(status, body, shown_headers(headers), answer, issues)
        except sqlite3.Error as error:
            _logger.warning("a refused request cannot be kept, so no page shows it: %s", error)
            return
        self._news.refused(seq, status, text_at(body, "externalId"), len(issues))


def _object(body: bytes) -> JsonObject:
    try:
        return parse_object(body)
    except NotJsonError:
        return {}


def _issues(answer: JsonObject) -> list[Issue]:
    error = object_at(answer, "error")
    return [Issue(cast("str", one["path"]), cast("str", one["message"])) for one in objects_at(error, "issues")]
