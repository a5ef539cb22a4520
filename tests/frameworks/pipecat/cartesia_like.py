"""What Cartesia's services answer over web sockets: a voice that tells when it says which word, and ears."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from itertools import accumulate
from typing import Any

from aiohttp import WSMsgType, web

from frameworks.pipecat import sound
from frameworks.pipecat.openai_like import THINKING

_CHUNK = 9600


def routes() -> list[web.RouteDef]:
    return [web.get("/tts/websocket", voice), web.get("/stt/websocket", ears)]


class _Context:
    """One speech of a voice: its texts are said one after the other."""

    def __init__(self, socket: web.WebSocketResponse, name: str) -> None:
        self._socket, self._name = socket, name
        self._seconds = 0.0
        self.texts: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self.task = asyncio.create_task(self._speak())

    async def _speak(self) -> None:
        goes_on = True
        while goes_on:
            text, goes_on = await self.texts.get()
            if text.strip():
                await asyncio.sleep(THINKING)
                await self._say(text.split())
        await self._send(type="done", done=True)

    async def _say(self, words: list[str]) -> None:
        lengths = [(len(word) + 1) * sound.SECONDS_A_CHARACTER for word in words]
        times = list(accumulate(lengths, initial=self._seconds))
        audio = sound.tone(sum(lengths), sound.LOUDSPEAKER_RATE)
        self._seconds = times[-1]
        await self._send(type="timestamps", word_timestamps={"words": words, "start": times[:-1], "end": times[1:]})
        for start in range(0, len(audio), _CHUNK):
            await self._send(type="chunk", data=base64.b64encode(audio[start : start + _CHUNK]).decode())

    async def _send(self, **fields: Any) -> None:
        with suppress(ConnectionError):  # the call may have been cancelled
            await self._socket.send_json({"context_id": self._name, **fields})


async def voice(request: web.Request) -> web.WebSocketResponse:
    """Speaks until the line is closed."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    contexts: dict[str, _Context] = {}
    async for message in socket:
        if message.type != WSMsgType.TEXT:
            continue
        asked = json.loads(message.data)
        name = asked["context_id"]
        if asked.get("cancel"):
            if name in contexts:
                contexts[name].task.cancel()
            continue
        if name not in contexts:
            contexts[name] = _Context(socket, name)
        contexts[name].texts.put_nowait((asked.get("transcript", ""), asked.get("continue", False)))
    for context in contexts.values():
        context.task.cancel()
    return socket


async def ears(request: web.Request) -> web.WebSocketResponse:
    """Writes down what was heard up to each `finalize`."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    audio = b""
    async for message in socket:
        if message.type == WSMsgType.BINARY:
            audio += message.data
        elif message.data == "finalize":
            text, audio = sound.words_in(audio), b""
            await asyncio.sleep(THINKING)
            if text:
                await socket.send_json({"type": "transcript", "text": text, "is_final": True, "language": "en"})
            await socket.send_json({"type": "flush_done"})
    return socket
