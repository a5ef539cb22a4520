"""No call that parses reads more than a bounded text: it is C, in which no other thread of the app runs.

Wherever a recorded span, or an event of Roark's, holds words or JSON, there is more of it here than is parsed at once.
"""

from __future__ import annotations

import ast
import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._model.dialect import Words
from roark_otel._model.reading import MAX_JSON, MAX_LITERAL
from roark_otel._model.rows import SpanEvent, SpanView
from roark_otel._privacy.masking import Masking
from roark_otel.attributes import CONVERSATION_ROOT
from roark_otel.dialects import DIALECTS
from support.conversations import bodies, row
from support.dumps import records
from support.helpers import ID
from support.paths import SPANS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Place = tuple[str, str, str]

WORDS = Words.joined([one.words for one in DIALECTS])
MORE = MAX_JSON + 1_000
NUMBERS = [10**15] * (MORE // 18 + 1)


@pytest.fixture(name="parsed")
def _parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many characters each call has read, those of a Python literal counted as if they were as many of JSON."""
    read: list[int] = []
    decode, evaluate = json.JSONDecoder.raw_decode, ast.literal_eval

    def raw_decode(self: json.JSONDecoder, text: str, idx: int = 0) -> object:
        if caller().startswith("roark_otel."):  # tests validate each body
            read.append(len(text) - idx)
        return decode(self, text, idx)

    def literal_eval(text: str) -> object:
        read.append(len(text) * MAX_JSON // MAX_LITERAL)
        return evaluate(text)

    monkeypatch.setattr(json.JSONDecoder, "raw_decode", raw_decode)
    monkeypatch.setattr(ast, "literal_eval", literal_eval)
    return read


def caller() -> str:
    """Returns the name of the module that had something parsed."""
    frame = sys._getframe(2)
    while frame.f_globals["__name__"].partition(".")[0] == "json" and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals["__name__"])


# What is huge, made of what was recorded


def with_long_texts(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: one if key in WORDS.structure else with_long_texts(one) for key, one in found.items()}
    if isinstance(found, list):
        return [with_long_texts(one) for one in found]
    return found + "word " * (MORE // 5) if isinstance(found, str) else found


def with_many_values(found: Any) -> Any:
    if isinstance(found, dict):
        return {**found, "more": NUMBERS}
    return [with_many_values(one) for one in found] if isinstance(found, list) else found


def of_many_items(found: Any) -> Any:
    if isinstance(found, list) and found:
        return found * (MORE // len(json.dumps(found)) + 1)
    return {**found, "more": [found] * (MORE // len(json.dumps(found)))} if isinstance(found, dict) else found


def as_json(change: Callable[[Any], Any]) -> Callable[[str], str]:
    """Changes a value that is JSON; words become JSON, which a tool may have returned."""

    def changed(written: str) -> str:
        try:
            found = json.loads(written)
        except ValueError:
            found = written
        return json.dumps(change(found if isinstance(found, (dict, list)) else {"said": str(found)}))

    return changed


KINDS: dict[str, Callable[[str], str]] = {
    "long texts": as_json(with_long_texts),
    "many values in one item": as_json(with_many_values),
    "many items": as_json(of_many_items),
    "an array": lambda _: json.dumps(NUMBERS),
    "an array of texts": lambda _: json.dumps([json.dumps({"a": NUMBERS})]),
    "an object": lambda _: json.dumps({"a": NUMBERS}),
    "a text": lambda _: json.dumps("word " * (MORE // 5)),
    "a literal": lambda _: repr({"a": NUMBERS[: MAX_LITERAL // 16]}),
    "a literal of a list": lambda _: repr([{"a": NUMBERS[: MAX_LITERAL // 16]}]),
    "cut": lambda written: as_json(with_long_texts)(written)[:-2],
    "digits": lambda _: "1" * MORE,
}


# Where it is


def places(span: SpanView) -> Iterator[tuple[Place, str]]:
    """Yields where a span has words or JSON, and what is there."""
    for where, attributes in (("", span.attributes), *((str(one.name), one.attributes) for one in span.events)):
        for name, value in attributes.items():
            is_content = name.rpartition(".")[2] in WORDS.names | WORDS.whole
            if isinstance(value, str) and (is_content or value[:1] in {"{", "["}):
                yield (span.scope, where, name), value


@cache
def recordings() -> dict[str, frozenset[Place]]:
    """Returns as few recordings as have all places between them, with the places that are new in each."""
    found: dict[str, frozenset[Place]] = {}
    known: set[Place] = set()
    for path in sorted(SPANS.glob("*/*.json")):
        if not {".truth", ".never_ended"} & set(path.suffixes):
            dump = path.relative_to(SPANS).as_posix().removesuffix(".json")
            several = frozenset(place for span in records(dump) for place, _ in places(span)) - known
            known |= several
            if several:
                found[dump] = several
    return found


def filled(spans: list[SpanView], several: frozenset[Place], change: Callable[[str], str]) -> Iterator[SpanView]:
    """Yields spans with more in these places, each of them once."""
    left = set(several)

    def more(span: SpanView, where: str, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        here = {place[2]: place for place, _ in places(span) if place in left and place[1] == where}
        left.difference_update(here.values())
        return {name: change(value) if name in here else value for name, value in attributes.items()}

    for span in spans:
        events = tuple(
            SpanEvent(one.name, one.time_ns, more(span, str(one.name), one.attributes)) for one in span.events
        )
        yield span._replace(attributes=more(span, "", span.attributes), events=events)


def marked(spans: list[SpanView]) -> list[SpanView]:
    """Returns the spans, the first one as the root of a conversation."""
    first = min(spans, key=lambda one: one.start_ns)
    mark = {ID: "call-1", CONVERSATION_ROOT: True}
    return [one._replace(attributes={**one.attributes, **mark}) if one is first else one for one in spans]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dump", recordings())
def test_of_a_recorded_span(dump: str, kind: str, parsed: list[int]) -> None:
    spans = list(filled(marked(records(dump)), recordings()[dump], KINDS[kind]))
    parsed.clear()
    bodies([row(span) for span in spans])
    assert max(parsed, default=0) <= MAX_JSON


EVENTS = {
    "roark.transcript": ("payload", "text"),
    "roark.tool_invocation": ("parameters", "result", "error", "agent"),
    "roark.transcript.agent": ("payload", "agent", "customer"),
}


def call_of(text: str) -> list[bytes]:
    """Returns the body of a call whose spans have a text in each place that Roark's own names give."""
    events = tuple(
        SpanEvent(event, 2_000 + at, {"role": "agent", "name": "look_up", "text": "Hello.", name: text})
        for event, several in EVENTS.items()
        for at, name in enumerate(several)
    )
    attributes = {f"roark.{name}": text for name in ("properties", "agent", "customer", "property.note")}
    span = SpanView(1, 2, None, "app", "call", 1_000, 9_000, attributes, events)
    return bodies([row(one) for one in marked([span])])


@pytest.mark.parametrize("kind", KINDS)
def test_of_an_event_of_ours(kind: str, parsed: list[int]) -> None:
    text = KINDS[kind]("{}")
    parsed.clear()
    assert call_of(text)
    assert max(parsed, default=0) <= MAX_JSON


@pytest.mark.parametrize("kind", KINDS)
def test_of_what_is_masked(kind: str, parsed: list[int]) -> None:
    mask = Masking(b"key", WORDS).attribute
    values = [KINDS[kind](written) for written in ("{}", "[]", '[{"role": "user", "content": "x"}]', "words")]
    parsed.clear()
    for value in values:
        mask("gen_ai.input.messages", value)
    assert max(parsed, default=0) <= MAX_JSON


def test_all_dialects_are_tried_in_many_places(parsed: list[int]) -> None:
    assert call_of('{"a": 1}')
    assert parsed.count(len('{"a": 1}')) >= 3
    several = [place for found in recordings().values() for place in found]
    assert len(several) > 100
    for dialect in DIALECTS:
        assert dialect.name == "roark" or any(dialect.name in repr(place) for place in several)
