"""What OpenAI's realtime service answers over a web socket. It takes turns itself, or is told of them."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from frameworks.pipecat import sound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from frameworks.pipecat.script import Reply

_SILENCE = 0.3
_LATE = 0.3
"""So many seconds later it has written down what it heard: when it answers already."""

_CHUNK = 9600
_numbers = itertools.count(1)


class RealtimeLike:
    """Answers by the scripts of calls, each under a path of its own."""

    def __init__(self, scripts: dict[str, Mapping[str, Reply]]) -> None:
        self._scripts = scripts

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/{call}/realtime", self.talk)]

    async def talk(self, request: web.Request) -> web.WebSocketResponse:
        """A session, until its line is closed."""
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        session = _Session(socket, self._scripts[request.match_info["call"]])
        await session.send(type="session.created", session={})
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await session.hear(json.loads(message.data))
        session.stop()
        return socket


class _Session:
    def __init__(self, socket: web.WebSocketResponse, script: Mapping[str, Reply]) -> None:
        self._socket, self._script = socket, script
        self._takes_turns = True
        self._audio = b""
        self._quiet = 0.0
        self._said = ""
        self._answering: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None

    async def send(self, **event: Any) -> None:
        if not self._socket.closed:
            await self._socket.send_json({"event_id": f"event_{next(_numbers)}", **event})

    def stop(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
            self._answering = None

    async def hear(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "session.update":
            heard = (event["session"].get("audio") or {}).get("input") or {}
            self._takes_turns = heard.get("turn_detection", True) not in (False, None)
            await self.send(type="session.updated", session={})
        elif kind == "input_audio_buffer.append":
            await self._listen(base64.b64decode(event["audio"]))
        elif kind == "input_audio_buffer.commit":
            self._commit()
        elif kind == "input_audio_buffer.clear":
            self._audio = b""
        elif kind == "response.create" and not self._takes_turns:
            self._answer(self._said)
        elif kind == "response.cancel":
            self.stop()
        elif kind == "conversation.item.create" and event["item"]["type"] == "function_call_output":
            self._answer("tool:" + event["item"]["call_id"].split("#")[0])

    async def _listen(self, audio: bytes) -> None:
        if not self._takes_turns:
            self._audio += audio
        elif sound.is_customers(audio):
            if not self._audio:
                self.stop()
                await self.send(type="input_audio_buffer.speech_started", audio_start_ms=0, item_id="item")
            self._audio += audio
            self._quiet = 0.0
        elif self._audio:
            self._quiet += len(audio) / 2 / sound.LOUDSPEAKER_RATE
            if self._quiet > _SILENCE:
                await self.send(type="input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="item")
                self._commit()
                self._answer(self._said)

    def _commit(self) -> None:
        self._said, self._audio, self._quiet = sound.words_in(self._audio), b"", 0.0
        if self._said:
            self._telling = asyncio.create_task(self._tell(self._said))

    def _answer(self, cue: str) -> None:
        if cue and (self._answering is None or self._answering.done()):
            self._answering = asyncio.create_task(self._respond(cue))

    async def _respond(self, cue: str) -> None:
        number = next(_numbers)
        reply = self._script[cue]
        response = {"id": f"resp_{number}", "object": "realtime.response", "status": "in_progress", "output": []}
        await asyncio.sleep(0.05)
        await self.send(type="response.created", response=response)
        for name, arguments in reply.tools:
            await self._call(name, arguments, number)
        if reply.text:
            await self._speak(reply.text, number)
        await self.send(type="response.done", response=response | {"status": "completed"})

    async def _tell(self, said: str) -> None:
        await asyncio.sleep(_LATE)
        kind = "conversation.item.input_audio_transcription.completed"
        await self.send(type=kind, item_id=f"heard_{next(_numbers)}", content_index=0, transcript=said)

    async def _call(self, name: str, arguments: dict[str, Any], number: int) -> None:
        call = {"id": f"item_{number}", "type": "function_call", "call_id": f"{name}#{number}", "name": name}
        await self.send(type="conversation.item.added", item=call)
        written = {"call_id": call["call_id"], "item_id": call["id"], "arguments": json.dumps(arguments)}
        kind = "response.function_call_arguments.done"
        await self.send(type=kind, response_id=f"resp_{number}", output_index=0, **written)

    async def _speak(self, text: str, number: int) -> None:
        item = {"id": f"item_{number}", "type": "message", "role": "assistant", "content": []}
        await self.send(type="conversation.item.added", item=item)
        part = {"response_id": f"resp_{number}", "item_id": item["id"], "output_index": 0, "content_index": 0}
        for word in text.split(" "):
            await self.send(type="response.output_audio_transcript.delta", delta=f"{word} ", **part)
            for piece in _pieces(sound.tone((len(word) + 1) * sound.SECONDS_A_CHARACTER, sound.LOUDSPEAKER_RATE)):
                await self.send(type="response.output_audio.delta", delta=piece, **part)


def _pieces(audio: bytes) -> Iterator[str]:
    for start in range(0, len(audio), _CHUNK):
        yield base64.b64encode(audio[start : start + _CHUNK]).decode()
