"""Recordings that a webhook of the telephony or the storage reports, for calls to come or calls that wait."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from roark_otel._model.formats import MAX_EXTERNAL_ID, is_external_id, is_http_url
from roark_otel._spool.attachments import attach_below

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel._delivery.courier import Courier

_UNREADABLE: Final = "\ufffd"
"""What the server puts in place of bytes that are not UTF-8: different ids would become the same."""


class RecordingsIn:
    """Takes recordings.

    Args:
        root: The root of the spool.
        courier: What delivers the calls that wait for them.
    """

    def __init__(self, root: Path, courier: Courier) -> None:
        self._root = root
        self._courier = courier

    def take(self, external_id: str, body: bytes) -> dict[str, object]:
        """Gives calls of this id their recording. If there are none yet, it is kept for one that comes within a week.

        Args:
            external_id: The id.
            body: A JSON object with `url`.

        Returns:
            What to answer: `calls`, how many calls have it now; `kept`, whether it is kept.

        Raises:
            ValueError: if no call can have this id, or the body has no URL; it says what to send.
            OSError: if the spool cannot be written.
        """
        if not is_external_id(external_id):
            raise ValueError(f"an external id has 1 to {MAX_EXTERNAL_ID} characters, not only blanks")
        if _UNREADABLE in external_id:
            raise ValueError("an external id in a URL is UTF-8, percent-encoded")
        url = _url_of(body)
        calls = attach_below(self._root, external_id, url)
        self._courier.attach(external_id, url, is_kept=True)
        return {"calls": calls, "kept": not calls}


def _url_of(body: bytes) -> str:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    url = cast("dict[str, object]", found).get("url") if isinstance(found, dict) else None
    if not isinstance(url, str) or not is_http_url(url):
        raise ValueError('send {"url": "https://example.com/call-123.wav"}, an absolute http or https URL')
    return url
