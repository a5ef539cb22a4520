"""Spans of LiveKit, made for a test, and what its dialect reads of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from roark_otel._model.rows import SpanView
from roark_otel.dialects.livekit import LIVEKIT
from support.helpers import MS, T0
from support.said import read_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._model.moments import Moment
    from roark_otel.types import Unreadable


def moments_of(spans: Iterable[SpanView], warned: list[Unreadable] | None = None) -> list[Moment]:
    return read_by(LIVEKIT, spans, warned)


def span(
    name: str, start: int, end: int, /, *, own: int = 0, below: int = 1, events: Any = (), **attributes: Any
) -> SpanView:
    """Makes a span of LiveKit with times in ms; in names of attributes `__` stands for a dot."""
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    span_id = own or crc32(repr((name, start, below)).encode())
    return SpanView(1, span_id, below, "livekit-agents", name, T0 + start * MS, T0 + end * MS, named, events)
