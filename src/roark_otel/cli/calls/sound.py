"""The sound of a call, from where its document says that it is."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import httpx

from roark_otel._safety.printable import printable
from roark_otel._settings.settings import Settings
from roark_otel.cli.problems import FAILED, Problem
from roark_otel.pages.values import part, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_MOST: Final = 128 * 1024 * 1024
"""The most bytes of a recording that are put into a page."""

_SECONDS: Final = 60.0


def sound_of(document: Mapping[str, Any]) -> bytes:
    """Returns the recording of a call. The key is sent only to the Roark of the environment.

    Raises:
        Problem: if there is none, or it cannot be read.
    """
    url = text(part(document, "recording"), "url") or text(part(document, "body"), "recordingUrl")
    if not url:
        raise Problem("the call has no recording: leave --sound out", FAILED)
    if url.startswith("data:"):
        return _within(url)
    settings = Settings.from_env()
    whole = urljoin(settings.address, url)
    if urlsplit(whole).scheme not in {"http", "https"}:
        raise Problem(f"the recording is at {printable(url)}, which is not an http URL: leave --sound out", FAILED)
    headers: dict[str, str] = {}
    if settings.api_key is not None and _origin(whole) == _origin(settings.address):
        headers["authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
    return _fetched(whole, headers)


def _within(url: str) -> bytes:
    from base64 import b64decode

    head, _, written = url.partition(",")
    with suppress(ValueError):
        raw = unquote_to_bytes(written)
        return b64decode(raw, validate=True) if head.endswith(";base64") else raw
    raise Problem("the recording in the document cannot be read: leave --sound out", FAILED)


def _fetched(url: str, headers: dict[str, str]) -> bytes:
    host = printable(urlsplit(url).netloc.rpartition("@")[2])
    try:
        with httpx.stream("GET", url, headers=headers, timeout=_SECONDS, follow_redirects=not headers) as answer:
            answer.raise_for_status()
            found = bytearray()
            for piece in answer.iter_bytes():
                found += piece
                if len(found) > _MOST:
                    raise Problem(f"the recording at {host} is larger than {_MOST:,} bytes: leave --sound out", FAILED)
    except httpx.HTTPStatusError as fault:
        why = f"answered {fault.response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        why = f"cannot be reached ({type(fault).__name__})"
    else:
        return bytes(found)
    raise Problem(f"the recording cannot be read: {host} {why}; leave --sound out", FAILED)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
