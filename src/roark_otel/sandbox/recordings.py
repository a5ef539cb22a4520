"""The sound of calls: real where this sandbox has it, else a second of silence.

Roark requires a URL of audio, and a developer's machine often has none.
"""

from __future__ import annotations

import io
import re
import wave
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from roark_otel.sandbox.access import may_see
from roark_otel.sandbox.json_values import text_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from roark_otel.sandbox.json_values import JsonObject

TYPES: Final = {
    ".opus": "audio/ogg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".webm": "audio/webm",
    ".flac": "audio/flac",
}
"""The media type of each kind of file, by its suffix."""

_PATH: Final = "/recordings/"
_RATE: Final = 8000
_SECONDS: Final = 1
_CHUNK: Final = 64 * 1024
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound of a call.

    Attributes:
        type: Its media type.
        size: Its length in bytes.
        content: What it is, or the file that it is in.
    """

    type: str
    size: int
    content: bytes | Path

    def part(self, first: int, last: int) -> Iterator[bytes]:
        """Reads the bytes from one to another, both included."""
        with io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb") as source:
            source.seek(first)
            rest = last + 1 - first
            while rest > 0 and (chunk := source.read(min(rest, _CHUNK))):
                rest -= len(chunk)
                yield chunk


class Recordings:
    """The sound that is here.

    Args:
        directory: Where the sound of calls is, each file named by the external id of its call and a suffix, such as
            `call-1.wav`. What no file's name can have is quoted as in a URL. None: only the sound of the demo is here.
        token: The secret of the links to the pages, which the files of `directory` need too.
        api_key: The key of the API, which serves as well.
    """

    def __init__(self, directory: Path | None = None, token: str = "", api_key: str | None = None) -> None:
        self._directory = directory
        self._token = token
        self._api_key = api_key

    def answer(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /recordings/{external_id}`, with or without a suffix of audio; `.wav` may be any id's.

        A part of it is answered with 206 (RFC 9110, section 14): browsers seek only where a server does that.
        """
        name = str(request.path_params["name"])
        sound = self.named(name)
        if sound is None and not name.endswith(".wav"):
            raise HTTPException(404)
        if sound is None:
            sound = Sound("audio/wav", len(_SILENCE), _SILENCE)
        elif isinstance(sound.content, Path) and not may_see(request, self._token, self._api_key):
            raise HTTPException(401, "a recording needs the cookie of the pages, or the key")
        return _answer(sound, request.headers.get("range", ""))

    def named(self, name: str) -> Sound | None:
        """Returns the real sound that a name means: an external id, with or without a suffix. None without any."""
        stem, dot, suffix = name.rpartition(".")
        names = [name, stem] if f"{dot}{suffix}" in TYPES else [name]
        return next((found for one in names if (found := self._of(one))), None)

    def bytes_of(self, recording: JsonObject) -> bytes | None:
        """Returns the sound of a recording that `of_call` has found here; None if it is elsewhere."""
        sound = self.named(unquote(text_at(recording, "url") or "").removeprefix(_PATH))
        if recording.get("here") is not True or sound is None:
            return None
        return b"".join(sound.part(0, sound.size - 1))

    def of_call(self, body: JsonObject, own: frozenset[str]) -> JsonObject | None:
        """Returns where a page finds the sound of a call: `url`, `type`, and whether it is `here`. None: nowhere.

        Args:
            body: The call as it was posted.
            own: The addresses of this sandbox as URLs have them, `host:port`.
        """
        url = text_at(body, "recordingUrl") or ""
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        if parts.scheme not in ("http", "https"):
            return None
        name = unquote(parts.path.removeprefix(_PATH)) if parts.path.startswith(_PATH) else ""
        sound = self.named(name) if name else None
        if sound is not None and _is_local(parts.netloc, own):
            return {"url": _PATH + quote(name, safe=""), "type": sound.type, "here": True}
        if name and parts.netloc.lower() in own:
            return None  # the second of silence: no recording that a page could play
        return {"url": url, "type": TYPES.get(Path(parts.path).suffix.lower(), ""), "here": False}

    def _of(self, external_id: str) -> Sound | None:
        own = None if self._directory is None else _found_in(self._directory, external_id)
        return own or _shipped().get(external_id)


def _found_in(directory: Path, external_id: str) -> Sound | None:
    for stem in filter(_is_name, dict.fromkeys((external_id, quote(external_id, safe=" ")))):
        for suffix, media_type in TYPES.items():
            file = directory / f"{stem}{suffix}"
            try:
                if file.is_file():
                    return Sound(media_type, file.stat().st_size, file)
            except OSError:  # the name is too long, or the file has just gone
                continue
    return None


@cache
def _shipped() -> dict[str, Sound]:
    """Returns the sound of the demo's calls by their ids. A package may be a zip file, so this asks for no path."""
    found = {one.name: one.read_bytes() for one in files("roark_otel.sandbox").joinpath("sound").iterdir()}
    return {
        name.removesuffix(".opus"): Sound(TYPES[".opus"], len(content), content)
        for name, content in found.items()
        if name.endswith(".opus")
    }


def _is_name(stem: str) -> bool:
    """Returns whether a text names a file in its folder, and nothing else."""
    return stem not in ("", ".", "..") and not re.search(r'[/\\:*?"<>|\x00-\x1f\x7f]', stem)


def _is_local(netloc: str, own: frozenset[str]) -> bool:
    """Returns whether a URL with known sound means a sandbox here, perhaps an earlier run on another port."""
    return netloc.lower() in own or netloc.rpartition(":")[0].lower() in {"127.0.0.1", "localhost", "[::1]"}


def _answer(sound: Sound, range_header: str) -> Response:
    size, about = sound.size, {"accept-ranges": "bytes"}
    wanted = _RANGE.fullmatch(range_header.strip())
    if wanted is None or wanted.groups() == ("", ""):
        return _streamed(sound, 0, size - 1, 200, about)
    if not wanted[1]:
        first, last = max(0, size - int(wanted[2])), size - 1
    else:
        first, last = int(wanted[1]), min(int(wanted[2] or size), size - 1)
    if first > last:
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    return _streamed(sound, first, last, 206, {**about, "content-range": f"bytes {first}-{last}/{size}"})


def _streamed(sound: Sound, first: int, last: int, status: int, headers: dict[str, str]) -> Response:
    length = {"content-length": str(last + 1 - first)}
    return StreamingResponse(sound.part(first, last), status, {**headers, **length}, sound.type)


def _silence() -> bytes:
    audio = io.BytesIO()
    with wave.open(audio, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes(b"\0\0" * _RATE * _SECONDS)
    return audio.getvalue()


_SILENCE: Final = _silence()
