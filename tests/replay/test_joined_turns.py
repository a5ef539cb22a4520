"""Roots of one id that follow each other within the quiet time are one call, which is sent once."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider

from roark_otel import Settings
from roark_otel.cli.replay.playing import Options, Playing
from roark_otel.cli.replay.sending import Created
from roark_otel.dialects import DIALECTS
from support.helpers import ID, RECORDING, SECOND, T0
from support.otlp_lines import Ended, line

if TYPE_CHECKING:
    from roark_otel._sources.made import ReadyCall

Sent = tuple[str, list[str]]


def turn(external_id: str, start: int, end: int, words: str) -> bytes:
    """Returns the line of a trace of one span, with its start and end in seconds."""
    seen = Ended()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(seen)
    attributes = {ID: external_id, "roark.recording_url": RECORDING}
    span = provider.get_tracer("app").start_span("turn", start_time=T0 + start * SECOND, attributes=attributes)
    span.add_event("roark.transcript", {"role": "customer", "text": words}, T0 + start * SECOND)
    span.end(T0 + end * SECOND)
    return line(seen.spans)


def sent(*lines: bytes) -> list[Sent]:
    """Plays these lines. Returns the calls in the order in which they are sent, with their words."""
    found: list[Sent] = []

    def take(call: ReadyCall) -> Created:
        found.append((call.external_id, [entry["text"] for entry in json.loads(call.body)["transcript"]]))
        return Created()

    options = Options(0, incomplete=False, send=take, on_done=lambda _: None, on_read=lambda _: None)
    Playing(io.BytesIO(b"".join(lines)), Settings(), DIALECTS, options).play()
    return found


def test_turns_are_one_call_although_another_one_ends_between_them() -> None:
    """The traces of both turns and of the other call become due at once, with the other call between them."""
    calls = sent(
        turn("call-1", 0, 30, "one"),
        turn("other", 60, 96, "other"),
        turn("call-1", 72, 102, "two"),
        turn("last", 300, 360, "last"),
    )

    assert calls == [("other", ["other"]), ("call-1", ["one", "two"]), ("last", ["last"])]


def test_a_call_that_was_sent_is_not_sent_again_with_a_later_turn() -> None:
    calls = sent(
        turn("call-1", 0, 30, "one"),
        turn("other", 180, 210, "other"),
        turn("another", 360, 390, "another"),
        turn("call-1", 540, 570, "two"),
        turn("last", 900, 960, "last"),
    )

    assert calls == [("call-1", ["one"]), ("other", ["other"]), ("another", ["another"]), ("last", ["last"])]
