"""Writes messages as JSON text, on the thread of the app: what an instrumentation does that puts them on its span."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import cast

from roark_otel._handles.arguments import json_text


def written(value: object) -> str:
    """Returns a value as JSON text, and text as it is; empty if there is nothing in it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    if not value:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError, RecursionError):  # a key that is none, a value that contains itself
        return json_text(value)


def _plain(value: object) -> object:
    """Returns what JSON lacks as what it has. The bytes of an image or of audio say nothing that could be read."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return list(cast("Sequence[object]", value))
    return None
