"""What OpenAI's services answer over HTTP: a model by the book, a voice, and ears."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import wave
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web

from frameworks.pipecat import sound
from frameworks.pipecat.script import cue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from frameworks.pipecat.script import Reply

THINKING = 0.05
_numbers = itertools.count(1)


class OpenAILike:
    """Answers the calls of one process; each call has a path of its own.

    Attributes:
        scripts: What the model answers, by call and cue.
    """

    def __init__(self) -> None:
        self.scripts: dict[str, Mapping[str, Reply]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/{call}/v1/chat/completions", self.chat),
            web.post("/{call}/v1/audio/speech", speech),
            web.post("/{call}/v1/audio/transcriptions", transcription),
        ]

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """A stream of pieces of the answer."""
        asked = await request.json()
        script = self.scripts[request.match_info["call"]]
        try:
            reply = script[cue(asked["messages"])]
        except KeyError as missing:
            return web.json_response({"error": {"message": f"no answer to {missing}"}}, status=400)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.sleep(THINKING)
        common = {
            "id": f"answer-{next(_numbers)}",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "scripted",
        }
        for piece in _pieces(reply):
            await response.write(f"data: {json.dumps(common | piece)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response


def _pieces(reply: Reply) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(reply.tools):
        written = json.dumps(arguments)
        yield _delta(tool_calls=[_call(index, name, f"call_{next(_numbers)}")])
        for start in range(0, len(written), 7):
            yield _delta(tool_calls=[{"index": index, "function": {"arguments": written[start : start + 7]}}])
    for word in reply.text.split(" ") if reply.text else ():
        yield _delta(content=f"{word} ")
    yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if reply.tools else "stop"}]}
    yield {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}


def _delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"role": "assistant", **fields}, "finish_reason": None}]}


def _call(index: int, name: str, call_id: str) -> dict[str, Any]:
    return {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}


async def speech(request: web.Request) -> web.Response:
    """A text as sound."""
    asked = await request.json()
    await asyncio.sleep(THINKING)
    return web.Response(body=sound.tone(sound.spoken_seconds(asked["input"]), sound.LOUDSPEAKER_RATE))


async def transcription(request: web.Request) -> web.Response:
    """A WAV file as text."""
    audio = b""
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "file":
            with wave.open(io.BytesIO(await part.read())) as recorded:
                audio = recorded.readframes(recorded.getnframes())
    await asyncio.sleep(THINKING)
    return web.json_response({"text": sound.words_in(audio)})
