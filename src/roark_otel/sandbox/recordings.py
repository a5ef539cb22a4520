"""A silent recording for every call: Roark requires a URL of audio, and a developer's machine has none."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

_RATE = 8000
_SECONDS = 1


def recording(_request: Request, _body: bytes) -> Response:
    """Answers `GET /recordings/{external_id}.wav` with a second of silence, whatever the id."""
    return Response(_SILENCE, media_type="audio/wav")


def _silence() -> bytes:
    audio = io.BytesIO()
    with wave.open(audio, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes(b"\0\0" * _RATE * _SECONDS)
    return audio.getvalue()


_SILENCE = _silence()
