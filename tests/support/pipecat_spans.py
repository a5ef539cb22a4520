"""Spans as Pipecat makes them, and what its dialect reads of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zlib import crc32

from roark_otel._model.rows import SpanView
from roark_otel.dialects.pipecat import PIPECAT
from support.said import MS, T0, read_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._model.moments import Moment
    from roark_otel.types import Unreadable

S = 1_000


def moments_of(spans: Iterable[SpanView], warned: list[Unreadable] | None = None) -> list[Moment]:
    return read_by(PIPECAT, spans, warned)


def span(name: str, start: int, end: int | None, /, *, own: int = 0, below: int = 2, **attributes: Any) -> SpanView:
    """Makes a span of Pipecat with times in ms; in names of attributes `__` stands for a dot."""
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    span_id = own or crc32(repr((name, start, below)).encode())
    scope = "pipecat.turn" if name in {"conversation", "turn"} else "pipecat"
    return SpanView(1, span_id, below, scope, name, T0 + start * MS, None if end is None else T0 + end * MS, named)


def turn(start: int, end: int, /, *, own: int = 2, interrupted: bool = False, **more: Any) -> SpanView:
    lasted = {"turn__duration_seconds": (end - start) / S, "turn__was_interrupted": interrupted}
    return span("turn", start, end, own=own, below=1, **{**lasted, **more})


def heard(text: str, start: int, end: int, /, **more: Any) -> SpanView:
    """Makes the span of words of the customer, which are recognised 250 ms after the last one."""
    return span("stt", start, end + 250, transcript=text, metrics__ttfb=0.25, **more)


def llm(start: int, end: int, /, *, history: object = None, **more: Any) -> SpanView:
    if history is not None:
        more["input"] = history if isinstance(history, str) else json.dumps(history)
    return span("llm", start, end, **more)


def tts(text: str | None, start: int, /, *, ttfb: float | None = 0.044, **more: Any) -> SpanView:
    """Makes the span of a reply whose first byte is there after 44 ms, so that it is played after 50."""
    more |= {} if ttfb is None else {"metrics__ttfb": ttfb}
    more |= {} if text is None else {"text": text}
    return span("tts", start, start + 80, **more)


def user(text: str) -> dict[str, object]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, object]:
    return {"role": "assistant", "content": text}
