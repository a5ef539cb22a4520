"""A further turn of a call costs what is new in it: bytes kept, and characters compared."""

from __future__ import annotations

import gc
import json
import marshal
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._open import cutting, kept_texts
from roark_otel._open.cutting import Cutter
from roark_otel._open.kept_texts import KeptTexts
from roark_otel._open.pieces import SEARCHES, copied, grown, overlapping
from roark_otel._open.shapes import Shapes
from support.histories import as_128, as_context, as_numbered, as_text, cut, dated, history, message, through
from support.paths import SPANS

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.histories import Span


@pytest.mark.parametrize("first", [None, dated])
@pytest.mark.parametrize("window", [1_000_000, 20, 21])
@pytest.mark.parametrize("form", [as_text, as_context, as_numbered, as_128])
def test_each_further_turn_costs_what_is_new(
    form: Callable[[list[dict[str, str]]], Span], window: int, first: Callable[[int], str] | None
) -> None:
    turns = 1_000 if form is as_text else 300
    sizes = through(map(form, history(turns, window, first)))

    assert max(sizes[100:]) <= 400


def test_boilerplate_in_each_message_does_not_hide_a_window() -> None:
    windows = [[{**one, "name": "x" * 400} for one in spoken] for spoken in history(200, 20)]

    assert sum(through(map(as_text, windows))[50:]) / 150 <= 500


def test_two_histories_of_one_attribute_side_by_side() -> None:
    both = [one for pair in zip(history(200), history(200, 2), strict=True) for one in pair]

    assert sum(through(map(as_text, both))[100:]) / 300 <= 400


def test_what_repeats_elsewhere_costs_a_number() -> None:
    tools = json.dumps({"tools": [message(number, "tool") for number in range(20)]})
    spans = [(f"kind {number}", {f"name {number}": tools, "said": "x" * 100}) for number in range(20)]

    assert max(through(spans)[1:]) < 60


DUMPS = sorted(path for path in SPANS.rglob("*.json") if not path.name.endswith(".truth.json"))


def recorded(dump: str) -> list[list[Span]]:
    """Returns the spans of each trace of a dump, in the order in which they ended."""
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(json.loads((SPANS / dump).read_text("utf-8")), key=lambda one: one.get("on_end_seq") or 0):
        traces[span["trace_id"]].append((span["name"], span["attributes"]))
    return list(traces.values())


@pytest.mark.parametrize("dump", [str(path.relative_to(SPANS)) for path in DUMPS])
def test_recorded_attributes_come_back(dump: str) -> None:
    for spans in recorded(dump):
        through(spans)


def test_recorded_attributes_cost_about_half() -> None:
    """The recorded calls are short: most of their texts are said once."""
    before = after = 0
    for path in DUMPS:
        for spans in recorded(str(path.relative_to(SPANS))):
            before += sum(len(marshal.dumps(named)) for _, named in spans)
            after += sum(through(spans))

    assert after < 0.58 * before


@pytest.mark.parametrize("form", [as_text, as_numbered])
def test_the_size_is_that_of_the_texts_kept(form: Callable[[list[dict[str, str]]], Span]) -> None:
    cutter = Cutter(Shapes())
    cut(map(form, history(200, 20)), cutter)
    _, named = form(list(history(200, 20))[-1])
    texts = [value for value in named.values() if isinstance(value, str) and value]
    kept = [*texts, *named] if form is as_numbered else [named["input"]]

    assert sum(map(str.__sizeof__, kept)) <= cutter.texts_size <= 15_000


def test_a_cutter_keeps_little_whatever_comes() -> None:
    cutter = Cutter(Shapes())
    for number in range(2_000):
        cutter.cut(f"kind {number}", ("input", "said"), [f"{number} " * 200, f"{number} " + "x" * 70])

    assert cutter.texts_size < kept_texts.MAX_TEXTS * 1_100 + 16 * cutting.MAX_DIGESTS


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the collector tracks every dict")
def test_a_cutter_is_one_object_for_the_garbage_collector() -> None:
    cutter = Cutter(Shapes())
    cut(map(as_text, history(20)), cutter)
    gc.collect()

    held = [getattr(cutter, name) for name in (*Cutter.__slots__, *KeptTexts.__slots__) if name != "_shapes"]
    assert [one for one in held if gc.is_tracked(one)] == []


class Counting(str):
    """A text that counts the searches in it, and the characters that are copied out of it or compared with it."""

    __slots__ = ()
    searches = characters = 0

    def find(self, *wanted: Any) -> int:
        Counting.searches += 1
        return super().find(*wanted)

    def startswith(self, *wanted: Any) -> bool:
        Counting.characters += len(wanted[0])
        return super().startswith(*wanted)

    def endswith(self, *wanted: Any) -> bool:
        Counting.characters += len(wanted[0])
        return super().endswith(*wanted)

    def __getitem__(self, place: Any) -> str:
        part = super().__getitem__(place)
        Counting.characters += len(part)
        return part


HOSTILE = ["ab" * 50_000, "ba" * 50_000, "a" * 100_000, ("a" * 999 + "b") * 100, "".join(map(str, range(20_000)))]


@pytest.mark.parametrize("base", HOSTILE)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_costs_more_than_a_few_readings(base: str, text: str) -> None:
    Counting.searches = Counting.characters = 0
    for cut_text in (grown, overlapping):
        cut_text(Counting(base), Counting("c" + text + "c"))

    assert Counting.searches <= SEARCHES
    assert Counting.characters <= 8 * max(len(base), len(text))


def test_a_text_with_less_than_half_in_common_is_new() -> None:
    base, other = json.dumps([message(number, "user") for number in range(20)]), "".join(map(str, range(2_000)))

    assert overlapping(base, base[:1_000] + other) is None
    assert copied(overlapping(base, base[:1_000] + other[:900]) or ()) >= 1_000
