"""A fault while recorded spans are read costs what it concerns; every other call of the file is made."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from roark_otel import Settings
from roark_otel.cli.replay.playing import Options, Playing
from roark_otel.cli.replay.sending import Created
from roark_otel.dialects import DIALECTS
from roark_otel.dialects.roark import ROARK
from roark_otel.types import Customer, Dialect, Utterance
from support.helpers import T0
from support.otlp_lines import Ended, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from roark_otel._model.rows import SpanView
    from roark_otel._sources.made import ReadyCall
    from roark_otel.cli.replay.playing import Played
    from roark_otel.types import Moment, Warn

FAULT = "the customer's words are secret"
MINUTE_NS = 60 * 1_000_000_000


class Reading:
    """A reader that finds nothing."""

    def read(self, span: SpanView) -> None: ...

    def moments(self) -> Iterable[Moment]:
        return ()


class FailsInRead(Reading):
    def read(self, _: SpanView) -> None:
        raise RuntimeError(FAULT)


class FailsInMoments(Reading):
    def moments(self) -> Iterable[Moment]:
        raise RuntimeError(FAULT)


class FailsWhileYielding(Reading):
    def moments(self) -> Iterable[Moment]:
        yield from ()
        raise RuntimeError(FAULT)


def fails_to_begin(_: Warn) -> Reading:
    raise RuntimeError(FAULT)


BROKEN = [
    pytest.param(lambda _: FailsInRead(), id="read"),
    pytest.param(lambda _: FailsInMoments(), id="moments"),
    pytest.param(lambda _: FailsWhileYielding(), id="iterating over moments"),
    pytest.param(fails_to_begin, id="factory"),
]


def a_call(number: int, **attributes: Any) -> dict[str, Any]:
    """Returns the export request of a conversation of one span, in a minute of its own."""
    seen = Ended()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(seen)
    start = T0 + number * MINUTE_NS
    fields = {
        "roark.external_id": f"call-{number}",
        "roark.conversation.root": True,
        "roark.recording_url": f"https://example.com/{number}.wav",
        **attributes,
    }
    root = provider.get_tracer("app").start_span("call", start_time=start, attributes=fields)
    root.add_event("roark.transcript", {"role": "customer", "text": f"Sentence {number}"}, start)
    root.end(start + MINUTE_NS // 2)
    document: dict[str, Any] = json.loads(line(seen.spans))
    return document


def lines(*requests: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(request).encode() + b"\n" for request in requests)


def span_of(request: dict[str, Any]) -> dict[str, Any]:
    (span,) = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
    found: dict[str, Any] = span
    return found


def played(content: bytes, dialects: Sequence[Dialect] = DIALECTS) -> tuple[Played, list[str]]:
    """Plays a file. Returns what became of it, and the words of its calls."""
    found: list[str] = []

    def take(call: ReadyCall) -> Created:
        found.extend(entry["text"] for entry in json.loads(call.body)["transcript"])
        return Created()

    options = Options(0, incomplete=False, send=take, on_done=lambda _: None, on_read=lambda _: None)
    return Playing(io.BytesIO(content), Settings(), dialects, options).play(), found


@pytest.mark.faults
@pytest.mark.parametrize("reader", BROKEN)
def test_a_broken_dialect_costs_only_what_it_would_have_said(
    reader: Callable[[Warn], Reading], said: pytest.LogCaptureFixture
) -> None:
    broken = Dialect(name="broken", reader=reader)

    result, words = played(lines(a_call(0), a_call(1)), (broken, ROARK))

    assert words == ["Sentence 0", "Sentence 1"]
    assert result.counts["created"] == 2
    assert result.counts["faults"] >= 2
    assert "RuntimeError" in said.text
    assert FAULT not in said.text


@pytest.mark.faults
def test_a_moment_that_cannot_be_linked_costs_itself_and_no_call(said: pytest.LogCaptureFixture) -> None:
    class Odd(Reading):
        """Reports an utterance of call-0 whose text is a number."""

        def __init__(self) -> None:
            self._is_first = False

        def read(self, span: SpanView) -> None:
            self._is_first = span.attributes.get("roark.external_id") == "call-0"

        def moments(self) -> Iterable[Moment]:
            text: Any = 7
            return [Utterance(Customer(), text, T0)] if self._is_first else []

    odd = Dialect(name="odd", reader=lambda _: Odd())

    result, words = played(lines(a_call(0), a_call(1)), (odd, ROARK))

    assert words == ["Sentence 0", "Sentence 1"]
    assert (result.counts["created"], result.counts["faults"]) == (2, 1)
    assert "Error in link" in said.text


@pytest.mark.parametrize("end_ns", [10**400, 10**25, -5], ids=["no float", "no date", "before 1970"])
@pytest.mark.parametrize("field", ["startTimeUnixNano", "endTimeUnixNano"])
def test_a_time_that_is_none_costs_no_call(field: str, end_ns: int) -> None:
    """Nor does it make time pass for the other traces: each call is whole, though its spans are in two lines."""
    odd, parent, child = a_call(0), a_call(1), a_call(1)
    span_of(odd)[field] = end_ns
    below = span_of(child)
    below.update(
        traceId=span_of(parent)["traceId"], parentSpanId=span_of(parent)["spanId"], attributes=[], name="child"
    )

    result, words = played(lines(odd, child, parent))

    assert (result.counts["created"], result.problems) == (2, [])
    assert sorted(words) == ["Sentence 0", "Sentence 1", "Sentence 1"]


def test_a_service_name_that_is_not_unicode_costs_a_character() -> None:
    """An SDK writes `OTEL_SERVICE_NAME` in Latin-1 as a lone surrogate."""
    odd = a_call(0)
    odd["resourceSpans"][0]["resource"]["attributes"] = [{"key": "service.name", "value": {"stringValue": "caf\udce9"}}]

    result, words = played(lines(odd, a_call(1)))

    assert words == ["Sentence 0", "Sentence 1"]
    assert (result.counts["created"], result.problems) == (2, [])


def test_a_number_that_no_float_can_hold_is_a_bad_line() -> None:
    bad = a_call(0)
    span_of(bad)["attributes"].append({"key": "x", "value": {"doubleValue": 10**400}})

    result, words = played(lines(bad, a_call(1)))

    assert words == ["Sentence 1"]
    assert result.problems == ["line 1: a number is out of range"]


def test_a_conversation_that_makes_no_call_does_not_use_up_its_id() -> None:
    """As in an app, the id belongs to the first conversation that makes a call."""
    skipped, later = a_call(0, **{"roark.skip": True}), a_call(9, **{"roark.external_id": "call-0"})

    result, words = played(lines(skipped, a_call(3), a_call(6), later))

    assert words == ["Sentence 3", "Sentence 6", "Sentence 9"]
    assert (result.counts["created"], result.counts["skipped"], result.counts["duplicates"]) == (3, 1, 0)


def test_a_second_conversation_of_an_id_makes_no_call() -> None:
    first, later = a_call(0), a_call(9, **{"roark.external_id": "call-0"})

    result, words = played(lines(first, a_call(3), a_call(6), later))

    assert words == ["Sentence 0", "Sentence 3", "Sentence 6"]
    assert (result.counts["created"], result.counts["duplicates"]) == (3, 1)


def test_a_reader_that_works_is_not_counted() -> None:
    fine = replace(ROARK, name="fine", reader=lambda _: Reading())

    result, _ = played(lines(a_call(0)), (fine, ROARK))

    assert "faults" not in result.counts
