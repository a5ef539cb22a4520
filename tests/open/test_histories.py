"""Attributes are cut down to what is new in them and come back exactly, whatever they are and in whatever order."""

from __future__ import annotations

import gc
import json
import marshal
import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roark_otel._open import cutting
from roark_otel._open.cutting import Cutter
from roark_otel._open.joining import Again, Continues, Fresh, Joiner
from roark_otel._open.pieces import SEARCHES, copied, grown, join_text, overlapping
from roark_otel._open.runs import cut_row, fresh_places, join_row
from roark_otel._open.shapes import LARGEST_SHAPE, MAX_SHAPES, Shapes
from support.paths import SPANS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Span: TypeAlias = tuple[str, dict[str, Any]]
"""A kind of span, and attributes."""


def cut(spans: Iterable[Span], cutter: Cutter) -> list[bytes]:
    rows: list[Any] = [cutter.cut(kind, tuple(named), list(named.values())) for kind, named in spans]
    return [marshal.dumps(row) for row in rows]


def unpacked(row: bytes) -> Any:
    return marshal.loads(row)  # noqa: S302


def through(spans: Iterable[Span]) -> list[int]:
    """Returns the bytes of each span's row, having checked that each comes back exactly."""
    shapes, spans = Shapes(), list(spans)
    rows = cut(spans, Cutter(shapes))
    joiner = Joiner(shapes)
    for row, (_, named) in zip(rows, spans, strict=True):
        assert exact(joiner.join(unpacked(row))) == exact(named)
    return [len(row) for row in rows]


def exact(named: dict[str, Any]) -> str:
    """Returns the attributes with types, order, the sign of zero and NaN, all of which `==` ignores."""
    return repr(list(named.items()))


# Lossless


TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=200) | st.text("ab", max_size=700)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=100) | TEXTS
VALUES = ATOMS | st.lists(ATOMS, max_size=3).map(tuple) | st.dictionaries(TEXTS, ATOMS, max_size=2)
NAMES = st.sampled_from(["input", "gen_ai.input.messages", "a.0", "a.1", "a.01", "a.9.b", "a.10.b"]) | st.text(
    max_size=9
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.dictionaries(NAMES, VALUES, max_size=24)), max_size=8))
def test_any_attributes_come_back(spans: list[Span]) -> None:
    through(spans)


@st.composite
def edited(draw: st.DrawFn) -> list[str]:
    """Texts of which each is made of parts of those before."""
    made = [draw(st.text("ab😀\ud800", min_size=1, max_size=40)) * draw(st.integers(1, 40))]
    for _ in range(draw(st.integers(1, 12))):
        base = draw(st.sampled_from(made))
        begin, end = sorted(draw(st.tuples(*[st.integers(0, len(base))] * 2)))
        before, after = draw(st.tuples(TEXTS, TEXTS))
        made.append(draw(st.sampled_from([base[begin:end], base[:begin] + before + base[end:], before + base + after])))
    return made


@settings(max_examples=150, deadline=None)
@given(edited())
def test_edited_texts_come_back(texts: list[str]) -> None:
    through([("llm", {"input": text}) for text in texts])
    for base in texts:
        for text in texts:
            for pieces in (grown(base, text), overlapping(base, text)):
                assert pieces is None or join_text(base, pieces) == text


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_numbered_attributes_come_back(data: st.DataObject) -> None:
    words = st.sampled_from(
        ["user", "assistant", "yes", "", 1, True, 1.0, None, "x" * 70, "y" * 300, "a longer answer"]
    )
    spans = []
    for _ in range(data.draw(st.integers(1, 6))):
        first = data.draw(st.integers(0, 4))
        numbers = range(first, first + data.draw(st.integers(0, 14)))
        named = {f"m.{number}.{part}": data.draw(words) for number in numbers for part in ("role", "content")}
        spans.append((data.draw(st.sampled_from("abcdef")), {"model": "x", **named, "tokens": data.draw(words)}))
    through(spans)


@settings(max_examples=150, deadline=None)
@given(*[st.lists(st.sampled_from([None, "", "user", "a longer text of its own", "another text of its own"]))] * 2)
def test_rows_come_back(base: list[str | None], row: list[str | None]) -> None:
    runs, fresh = cut_row(base, row)

    assert join_row(base, runs, [row[place] for place in fresh]) == row
    assert fresh_places(runs) == fresh


def test_equal_values_of_other_types_come_back() -> None:
    named = {f"a.{number}": value for number, value in enumerate([1, True, 1.0, 0.0, -0.0, float("nan"), (1,)] * 4)}

    through([("a", named), ("a", dict(zip(named, reversed(named.values()), strict=True))), ("a", named)])


@pytest.mark.parametrize("mark", ["é", "是", "😀", "\ud83d", "\x00"])
def test_histories_in_any_script_cost_what_is_new(mark: str) -> None:
    """The interpreter stores a text as wide as its widest character, so one emoji changes the form of all of it."""
    histories = [text + mark if number % 3 == 0 else text for number, text in enumerate(map(json.dumps, history(100)))]

    assert max(through([("llm", {"input": text}) for text in histories])[20:]) < 700


def test_more_texts_and_kinds_than_are_kept() -> None:
    kinds = range(3 * cutting.MAX_KINDS)
    numbered = {f"m.{number}.content": f"{number} a longer answer " * 20 for number in range(20)}
    through([(f"kind {kind}", {**numbered, "input": f"{kind} " * 300}) for kind in [*kinds, *kinds]])
    through([("llm", {"input": f"{number} {'x' * 80}"}) for number in [*range(400), *range(400)]])


def test_shapes_that_are_not_remembered_come_back() -> None:
    many = {f"attribute {number}x": number for number in range(LARGEST_SHAPE + 1)}
    through([("a", many), ("a", {**many, "b": "x" * 99})])
    assert through([("a", {f"attribute {number}x": 1}) for number in range(MAX_SHAPES + 10)])[-1] > 20


# What a turn costs


def message(number: int, role: str) -> dict[str, str]:
    words = random.Random(f"{role} {number}")  # noqa: S311
    return {"role": role, "content": " ".join("".join(words.choices("abcdefghijklmnop", k=5)) for _ in range(16))}


def history(turns: int, window: int = 1_000_000, first: Callable[[int], str] | None = None) -> Iterator[list[Any]]:
    """Makes what a model is sent in each turn: the last messages, about 100 characters each, below a prompt."""
    spoken: list[dict[str, str]] = []
    for number in range(turns):
        spoken.append(message(number, "user"))
        prompt = [{"role": "system", "content": first(number)}] if first else []
        yield prompt + spoken[-window:]
        spoken.append(message(number, "assistant"))


PROMPT = " ".join(message(number, "system")["content"] for number in range(15))


def as_text(messages: list[dict[str, str]]) -> Span:
    return "llm", {"gen_ai.request.model": "x", "input": json.dumps(messages), "tokens": len(messages)}


def as_context(messages: list[dict[str, str]]) -> Span:
    return "llm_node", {"lk.chat_ctx": json.dumps({"items": messages})}


def as_numbered(messages: list[dict[str, str]], limit: int = 1_000_000) -> Span:
    named: dict[str, Any] = {"llm.model_name": "x"}
    for number, one in enumerate(messages):
        named[f"llm.input_messages.{number}.message.role"] = one["role"]
        named[f"llm.input_messages.{number}.message.content"] = one["content"]
    named["llm.token_count.total"] = len(messages)
    return "ChatCompletion", dict(list(named.items())[-limit:])


def as_128(messages: list[dict[str, str]]) -> Span:
    """As the SDK does it: of many attributes it keeps the last 128."""
    return as_numbered(messages, 128)


def dated(number: int) -> str:
    return f"It is {number % 12 + 1} o'clock on day {number}. {PROMPT}"


@pytest.mark.parametrize("first", [None, dated])
@pytest.mark.parametrize("window", [1_000_000, 20, 21])
@pytest.mark.parametrize("form", [as_text, as_context, as_numbered, as_128])
def test_each_further_turn_costs_what_is_new(
    form: Callable[[list[dict[str, str]]], Span], window: int, first: Callable[[int], str] | None
) -> None:
    turns = 300 if form is as_numbered else 1_000
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

    assert after < 0.56 * before


# What a cutter keeps, and the work it does


@pytest.mark.parametrize("form", [as_text, as_numbered])
def test_the_size_is_that_of_the_texts_kept(form: Callable[[list[dict[str, str]]], Span]) -> None:
    cutter = Cutter(Shapes())
    cut(map(form, history(200, 20)), cutter)
    _, named = form(list(history(200, 20))[-1])
    texts = [value for value in named.values() if isinstance(value, str) and value]
    kept = [*texts, *named] if form is as_numbered else [named["input"]]

    assert sum(map(str.__sizeof__, kept)) <= cutter.size <= 15_000


def test_a_cutter_keeps_little_whatever_comes() -> None:
    cutter = Cutter(Shapes())
    for number in range(2_000):
        cutter.cut(f"kind {number}", ("input", "said"), [f"{number} " * 100, f"{number} " + "x" * 70])

    assert cutter.size < cutting.MAX_TEXTS * 700 + 16 * cutting.MAX_DIGESTS


def test_a_cutter_is_one_object_for_the_garbage_collector() -> None:
    cutter = Cutter(Shapes())
    cut(map(as_text, history(20)), cutter)
    gc.collect()

    held = [getattr(cutter, name) for name in Cutter.__slots__ if name != "_shapes"]
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


# Joining


def test_rows_that_are_left_can_be_cut_again() -> None:
    """Where a conversation's rows leave a log that others share, the rest refers to rows that are gone."""
    shapes = Shapes()
    spans = [form(one) for one in history(40, 20, dated) for form in (as_text, as_numbered, as_context)]
    joiner, again = Joiner(shapes), Cutter(shapes)
    left = []
    for number, (row, (kind, _)) in enumerate(zip(cut(spans, Cutter(shapes)), spans, strict=True)):
        named = joiner.join(unpacked(row))
        if number % 7 and number > 30:
            left += cut([(kind, named)], again)

    joiner = Joiner(shapes)
    kept = [named for number, (_, named) in enumerate(spans) if number % 7 and number > 30]
    assert [joiner.join(unpacked(row)) for row in left] == kept


def growths(*texts: str) -> list[Any]:
    shapes = Shapes()
    cutter, joiner, found = Cutter(shapes), Joiner(shapes), []
    for text in texts:
        joiner.join(cutter.cut("llm", ("input", "more"), [text, 1]))
        found.append(joiner.growth("input"))
        assert joiner.growth("more") is joiner.growth("none") is None
    return found


def test_growth_says_which_text_goes_on() -> None:
    first, second, third = map(json.dumps, [*history(9)][4:7])
    other = json.dumps([message(99, "tool")] * 4)

    assert growths("short", first, second, second, other, third) == [
        None,
        Fresh(0),
        Continues(1, 0, ((0, 0, len(first) - 2),)),
        Again(1),
        Fresh(2),
        Continues(3, 1, ((0, 0, len(second) - 2),)),
    ]


@settings(max_examples=50, deadline=None)
@given(edited())
def test_growth_says_which_characters_were_there(texts: list[str]) -> None:
    seen: dict[int, str] = {}
    for text, growth in zip(texts, growths(*texts), strict=True):
        if isinstance(growth, Continues):
            base = seen[growth.base]
            assert text[: growth.kept] == base[: growth.kept]
            assert all(text[at : at + length] == base[source : source + length] for at, source, length in growth.copies)
        if growth is not None:
            assert seen.setdefault(growth.number, text) == text


def test_growth_of_a_window_shows_what_moved() -> None:
    *_, before, after = map(json.dumps, history(40, 20))
    growth = growths(before, after)[1]

    at, source, length = max(growth.copies, key=lambda copy: copy[2])
    assert source - at == len(before) - len(after[: at + length]) - 1 or source > at
    assert length > 0.8 * len(after)
