"""What a record says of a recording: its key is an external id, its value a URL, or JSON with one. Pure."""

from __future__ import annotations

import json
from typing import cast

from roark_otel._model.formats import is_external_id, is_http_url


def announced_recording(key: bytes | None, value: bytes | None) -> tuple[str, str] | None:
    """Returns an external id and the URL of its recording; None if the record names none."""
    try:
        external_id, text = (key or b"").decode(), (value or b"").decode().strip()
        if text.startswith("{"):
            found = cast("dict[str, object]", json.loads(text))
            url = found.get("recordingUrl")
        else:
            url = text
    except (ValueError, RecursionError):
        return None
    if not is_external_id(external_id) or not isinstance(url, str) or not is_http_url(url):
        return None
    return external_id, url
