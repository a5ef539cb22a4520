"""OTLP over HTTP, and what else the gateway answers: an ASGI application."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import assert_never

from roark_otel._gateway import otlp_answers as answers
from roark_otel._gateway.bodies import Incoming, NoBody, RequestBody, received_body
from roark_otel._gateway.reception import ComeAgain, NeverReadable, Received
from roark_otel._safety.guard import guarded_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from roark_otel._gateway.bodies import Limits
    from roark_otel._gateway.door import Door, Room
    from roark_otel._gateway.reception import Reception
    from roark_otel._gateway.recordings_in import RecordingsIn
    from roark_otel._gateway.tokens import Tokens

    Scope = dict[str, Any]
    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

TRACES_PATH: Final = "/v1/traces"
RECORDINGS_PATH: Final = "/v1/recordings/"
STORE_SECONDS: Final = 60.0
"""The longest that a request waits for the disk. Senders wait 10 s and more, and send again."""

_READ: Final = frozenset({b"content-type", b"content-length", b"content-encoding", b"authorization"})
"""The headers that count."""

_TYPES: Final = {"application/x-protobuf": answers.PROTOBUF, "application/json": answers.JSON}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer: its status, its body and what this is, and further headers."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class HttpApp:
    """Answers requests.

    Args:
        door: Takes spans.
        tokens: Who may send.
        limits: What requests may be.
        room: How much of them there is room for.
        recordings: Takes recordings.
        report: Returns the answer to a path that says how the gateway is, None for any other path.
        forward: Sends a request that was taken on to a further endpoint, if there is one.
        count: Counts a request that was not looked at, by its status.
    """

    def __init__(
        self,
        door: Door,
        tokens: Tokens,
        limits: Limits,
        room: Room,
        recordings: RecordingsIn,
        report: Callable[[str], HttpAnswer | None],
        forward: Callable[[bytes, str], None],
        count: Callable[[int], None],
    ) -> None:
        self._door = door
        self._tokens = tokens
        self._limits = limits
        self._room = room
        self._recordings = recordings
        self._report = report
        self._forward = forward
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _READ}
        method, path = scope["method"], scope["path"]
        incoming = Incoming(receive)
        try:
            answer = await self._answer(method, path, headers, incoming)
        except asyncio.CancelledError:
            # The stop waits no longer. The server would answer 500, for which senders drop what they have.
            answer = self._busy(self._door.refuse("the gateway is stopping", 1), _reply_type(headers), 0)
        found = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            *answer.headers,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": found})
        body = b"" if method == "HEAD" else answer.body
        if answer.status >= HTTPStatus.BAD_REQUEST and not incoming.is_complete:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            with suppress(asyncio.CancelledError):  # the stop waits no longer, and the sender has its answer
                await incoming.let_go()
            body = b""
        await send({"type": "http.response.body", "body": body})

    def _broken(self, method: str, path: str, headers: dict[bytes, str], receive: Receive) -> HttpAnswer:
        """Returns the answer where this package fails: not 500, for which senders drop what they have."""
        del method, path, receive
        return self._busy(self._door.refuse("the gateway has failed"), _reply_type(headers), 0)

    @guarded_async(_broken)
    async def _answer(self, method: str, path: str, headers: dict[bytes, str], receive: Receive) -> HttpAnswer:
        if path == TRACES_PATH:
            content_type, reply = _type_of(headers), _reply_type(headers)
            if method != "POST":
                return self._refused(405, "spans are sent by POST", reply, (b"allow", b"POST"))
            if not self._tokens.allow(headers.get(b"authorization", "")):
                return self._refused(401, "no valid token", reply, (b"www-authenticate", b"Bearer"))
            if content_type is None:
                return self._refused(415, "spans are application/x-protobuf or application/json", reply)
            return await self._take(headers, receive, content_type)
        if path.startswith(RECORDINGS_PATH):
            if method != "PUT":
                return self._refused(405, "recordings are sent by PUT", answers.JSON, (b"allow", b"PUT"))
            if not self._tokens.allow(headers.get(b"authorization", "")):
                return self._refused(401, "no valid token", answers.JSON, (b"www-authenticate", b"Bearer"))
            # The server has taken the percent-encoding off: a second time would make another id of one with a `%`.
            return await self._take_recording(path[len(RECORDINGS_PATH) :], headers, receive)
        if method in {"GET", "HEAD"} and (found := self._report(path)) is not None:
            return found
        return self._refused(404, f"the gateway takes traces, at {TRACES_PATH}", answers.PROTOBUF)

    # Spans

    async def _take(self, headers: dict[bytes, str], receive: Receive, content_type: str) -> HttpAnswer:
        body = await received_body(headers, receive, self._limits, self._room)
        if isinstance(body, NoBody):
            if body.is_busy:
                return self._busy(self._door.refuse(body.why), content_type, 0)
            return self._refused(body.status, body.why, content_type)
        try:
            reception = await self._enter(body)
        finally:
            self._room.give_back(body.room)
        if isinstance(reception, ComeAgain):
            return self._busy(reception, content_type, len(body.content))
        self._door.count(reception, len(body.content))
        match reception:
            case Received():
                self._forward(body.content, content_type)
                return HttpAnswer(200, answers.success(reception, content_type), content_type)
            case NeverReadable(why):
                return HttpAnswer(400, answers.failure(answers.INVALID_ARGUMENT, why, content_type), content_type)
            case _:
                assert_never(reception)

    async def _enter(self, body: RequestBody) -> Reception:
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[Reception] = loop.create_future()

        def answer(reception: Reception) -> None:
            loop.call_soon_threadsafe(_set, stored, reception)

        reception = self._door.enter(body.content, answer)
        if reception is not None:
            return reception
        patience = loop.call_later(STORE_SECONDS, self._give_up, stored)
        try:
            return await stored
        finally:
            patience.cancel()

    def _give_up(self, stored: asyncio.Future[Reception]) -> None:
        _set(stored, self._door.refuse("the disk does not answer", 10))

    def _busy(self, busy: ComeAgain, content_type: str, size: int) -> HttpAnswer:
        self._door.count(busy, size)
        body = answers.failure(answers.UNAVAILABLE, busy.why, content_type)
        return HttpAnswer(503, body, content_type, ((b"retry-after", str(busy.after).encode()),))

    def _refused(self, status: int, why: str, content_type: str, *headers: tuple[bytes, bytes]) -> HttpAnswer:
        self._count(status)
        return HttpAnswer(status, answers.failure(_CODES.get(status, 2), why, content_type), content_type, headers)

    # Recordings

    async def _take_recording(self, external_id: str, headers: dict[bytes, str], receive: Receive) -> HttpAnswer:
        body = await received_body(headers, receive, self._limits, self._room)
        if isinstance(body, NoBody):
            if body.is_busy:
                return self._busy(self._door.refuse(body.why), answers.JSON, 0)
            return self._refused(body.status, body.why, answers.JSON)
        self._room.give_back(body.room)
        try:
            kept = await asyncio.get_running_loop().run_in_executor(
                None, self._recordings.take, external_id, body.content
            )
        except ValueError as fault:
            return self._refused(400, str(fault), answers.JSON)
        except OSError:
            busy = self._door.refuse("the spool cannot be written")
            return self._busy(busy, answers.JSON, 0)
        return HttpAnswer(200, json.dumps(kept).encode(), answers.JSON)


def _type_of(headers: dict[bytes, str]) -> str | None:
    return _TYPES.get(headers.get(b"content-type", "").partition(";")[0].strip().lower())


def _reply_type(headers: dict[bytes, str]) -> str:
    """Returns the type of the answer: that of the request, if the gateway knows it."""
    return _type_of(headers) or answers.PROTOBUF


def _set(future: asyncio.Future[Reception], reception: Reception) -> None:
    if not future.done():
        future.set_result(reception)


_CODES: Final = {
    400: answers.INVALID_ARGUMENT,
    401: answers.UNAUTHENTICATED,
    404: answers.NOT_FOUND,
    405: answers.UNIMPLEMENTED,
    408: answers.INVALID_ARGUMENT,
    413: answers.RESOURCE_EXHAUSTED,
    415: answers.INVALID_ARGUMENT,
}
