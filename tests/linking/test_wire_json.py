"""The body of a call as JSON: whatever a moment holds, there is one, and it is written in short pieces."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from roark_otel._linking import wire_json
from roark_otel._linking.defaults import Defaults
from roark_otel._linking.link import NotLinkable, late_fields, link
from roark_otel._model.finished import Ended, FinishedConversation
from roark_otel._model.moments import Agent, Customer, Fact, Failed, Moment, Returned, ToolUse, Utterance
from roark_otel._model.sizes import is_surely_within
from roark_otel._model.steps import STEP, free, in_steps
from roark_otel._privacy.redaction import Redaction

Json = dict[str, Any]

MS = 1_000_000
DEFAULTS = Defaults(recording_url="https://example.com/a.wav")


def conversation(*moments: Moment) -> FinishedConversation:
    return FinishedConversation("call-1", 0xA1, 1, 1, 0, 10_000 * MS, Ended(), (("own", moments),))


def body(*moments: Moment, redaction: Redaction | None = None) -> Json:
    linked = link(conversation(*moments), DEFAULTS, redaction or Redaction())
    assert not isinstance(linked, NotLinkable)
    found: Json = json.loads(linked.to_json())
    return found


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


def endless() -> list[Any]:
    found: list[Any] = []
    found += (found, found)
    return found


class Odd:
    """JSON has nothing for it, and neither has `repr`."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


NEAREST: dict[str, tuple[object, object]] = {
    "lone surrogate": ("a\ud800", "a\ufffd"),
    "surrogates that are a pair": ("\ud83d\udc4b", "👋"),
    "key": ({"\ud800": 1}, {"\ufffd": 1}),
    "not a number": (math.nan, None),
    "infinite": ([-math.inf, 1.5], [None, 1.5]),
    "binary": (b"a\xff", "a\ufffd"),
    "tuple": ((1, (2,)), [1, [2]]),
    "mapping": (MappingProxyType({"a": 1}), {"a": 1}),
    "keys that are not text": ({1: "one", "s": "\ud800"}, {"1": "one", "s": "\ufffd"}),
    "object": (object(), "object"),
    "huge": (10**400, 10**400),
}
"""Values and what is sent of them."""

LOST: dict[str, object] = {"endless": endless(), "object that raises": [Odd(), "\ud800"]}
"""Values of which nothing is sent."""


@pytest.mark.parametrize(("value", "nearest"), NEAREST.values(), ids=NEAREST)
def test_of_a_value_that_json_lacks_the_nearest_is_sent(value: object, nearest: object) -> None:
    found = body(
        Utterance(Agent(), "Hello.", 0, payload={"odd": value, "ok": 1}),
        Utterance(Customer(), "Hi.", 0, payload={"ok": {"a": 1}}),
        ToolUse("look_up", 0, parameters={"odd": value, "ok": 1}, outcome=Returned({"odd": value, "ok": 1})),
    )

    assert [one.get("payload") for one in found["transcript"]] == [{"odd": nearest, "ok": 1}, {"ok": {"a": 1}}]
    (use,) = found["toolInvocations"]
    assert (use["parameters"], use["result"]) == ({"odd": nearest, "ok": 1}, {"odd": nearest, "ok": 1})


@pytest.mark.parametrize("value", LOST.values(), ids=LOST)
def test_a_value_that_has_no_json_costs_its_field(value: object) -> None:
    found = body(
        Utterance(Agent(), "Hello.", 0, payload={"odd": value}),
        Utterance(Customer(), "Hi.", 0, payload={"ok": 1}),
        ToolUse("look_up", 0, parameters={"odd": value}, outcome=Returned({"odd": value})),
        ToolUse("book", 1, parameters={"ok": 1}, outcome=Failed("full")),
    )

    assert [(one["text"], one.get("payload")) for one in found["transcript"]] == [("Hello.", None), ("Hi.", {"ok": 1})]
    assert [(one["name"], one["parameters"], one["result"]) for one in found["toolInvocations"]] == [
        ("look_up", {"roark_cut": "parameters that are not JSON left out"}, "… [cut, not JSON]"),
        ("book", {"ok": 1}, {"error": "full"}),
    ]


@pytest.mark.parametrize("depth", [100, 200, 260, 5_000])
def test_a_value_that_is_nested_deeply_costs_at_most_itself(depth: int) -> None:
    found = body(
        Utterance(Agent(), "Hello.", 0, payload={"deep": nested(depth)}),
        ToolUse("look_up", 0, parameters={"deep": nested(depth)}, outcome=Returned(nested(depth))),
    )

    assert [one["text"] for one in found["transcript"]] == ["Hello."]
    assert [one["name"] for one in found["toolInvocations"]] == ["look_up"]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5) | st.binary()
VALUES = st.recursive(
    SCALARS | st.builds(object) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(st.characters(), max_size=3) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(st.characters(), max_size=3), VALUES, max_size=3)
TEXTS = st.text(st.characters(), max_size=8)
NAMES = st.none() | TEXTS
MOMENTS = (
    st.builds(Utterance, st.builds(Agent, *[NAMES] * 9), TEXTS, st.integers(0, 10**12), payload=OBJECTS)
    | st.builds(Utterance, st.builds(Customer, NAMES, NAMES), TEXTS, st.integers(0, 10**12), payload=OBJECTS)
    | st.builds(ToolUse, TEXTS, st.integers(0, 10**12), parameters=OBJECTS, outcome=st.builds(Returned, VALUES))
    | st.builds(Fact, TEXTS.map(lambda name: f"property.{name}"), VALUES, st.integers(0, 9), st.integers(0, 2))
)


@given(st.lists(MOMENTS, max_size=6))
def test_whatever_a_moment_holds_there_is_a_body(moments: list[Moment]) -> None:
    """The model accepts the body and writes the same bytes, as of every body that a test makes."""
    found = body(*moments)

    said = sum(isinstance(one, Utterance) for one in moments)
    assert len(found.get("transcript", ())) == said
    kept = Redaction(hook=lambda moments: moments)
    assert body(*moments, redaction=kept)["externalId"] == found["externalId"]
    late = late_fields(conversation(*moments), DEFAULTS, Redaction())
    assert json.loads(json.dumps(late, allow_nan=False).encode()) == late
    assert late.get("transcript") == found.get("transcript")


@given(VALUES, st.integers(0, 200))
def test_what_is_surely_within_a_limit_is(value: object, limit: int) -> None:
    if is_surely_within(value, limit):
        assert len(json.dumps(value)) <= limit


def test_what_is_small_is_surely_within_the_limit() -> None:
    assert is_surely_within({"order": "A-17", "items": [1, 2.5, None, True]}, 1_000)
    assert not is_surely_within({"order": "A" * 1_000}, 1_000)
    assert not is_surely_within(endless(), 1_000)


# Steps


def long_call(turns: int, text: str = "A sentence.") -> FinishedConversation:
    said = [Utterance((Agent(), Customer())[turn % 2], text, turn * MS, payload={"n": turn}) for turn in range(turns)]
    return conversation(*said, *[ToolUse("look_up", turn, parameters={"n": turn}) for turn in range(100)])


@pytest.mark.parametrize(("text", "most_bytes"), [("A sentence.", 16_384), ("x" * 5_000, 65_536)])
def test_a_body_is_written_in_short_pieces(monkeypatch: pytest.MonkeyPatch, text: str, most_bytes: int) -> None:
    pieces: list[tuple[int, int]] = []
    dumps = to_json

    def counted(value: Any, **more: Any) -> bytes:
        written = dumps(value, **more)
        pieces.append((len(value), len(written)))
        return written

    monkeypatch.setattr(wire_json, "dumps", counted)
    linked = link(long_call(1_000, text), DEFAULTS)
    assert not isinstance(linked, NotLinkable)
    paused: list[int] = []
    written = linked.to_json(lambda: paused.append(len(pieces)))

    assert (linked.turns, linked.tools, linked.external_id) == (1_000, 100, "call-1")
    assert json.loads(written) == linked.body
    assert max(entries for entries, _ in pieces) <= STEP
    assert max(size for _, size in pieces) <= most_bytes
    assert max(after - before for before, after in pairwise(paused)) <= 3  # a name, a value


def test_linking_pauses_after_each_step() -> None:
    """Each pass over the moments pauses: sorting out, timing, participants, entries."""
    pauses: list[None] = []
    link(long_call(64 * STEP), DEFAULTS, pause=lambda: pauses.append(None))
    assert len(pauses) >= 4 * 64


@pytest.mark.parametrize("count", [0, 1, STEP, STEP + 1, 3 * STEP])
def test_steps_have_all_items(count: int) -> None:
    pauses: list[None] = []
    assert list(in_steps(range(count), lambda: pauses.append(None))) == list(range(count))
    assert len(pauses) == count // STEP


@pytest.mark.parametrize("count", [0, 1, STEP, 3 * STEP + 1])
def test_a_long_list_is_let_go_of_in_steps(count: int) -> None:
    left: list[int] = []
    values = list(range(count))
    free(values, lambda: left.append(len(values)))
    assert (values, left) == ([], list(range(count - STEP, 0, -STEP)) + [0] * (count > 0))


# What takes long is done only where it decides


class Noted(dict[str, object]):
    """Notes each time that its representation is made."""

    def __init__(self, notes: list[None]) -> None:
        self.notes = notes

    def __repr__(self) -> str:
        self.notes.append(None)
        return "{}"


class NotedText(str):
    """Text that notes each time that its representation is made."""

    __slots__ = ("notes",)
    notes: list[None]

    def __repr__(self) -> str:
        self.notes.append(None)
        return str(self)


@pytest.mark.parametrize(("apart", "made"), [(1, 0), (0, 2)])
def test_moments_are_represented_only_if_nothing_else_orders_them(apart: int, made: int) -> None:
    notes: list[None] = []
    said = [Utterance(Agent(), text, at * apart, 9, payload=Noted(notes)) for at, text in enumerate(("b", "a"))]
    link(conversation(*said), DEFAULTS)
    assert len(notes) == made


@pytest.mark.parametrize(("apart", "made"), [(1, 0), (0, 2)])
def test_facts_are_represented_only_if_nothing_else_orders_them(apart: int, made: int) -> None:
    notes: list[None] = []
    values = [NotedText("a"), NotedText("b")]
    for value in values:
        value.notes = notes
    found = body(*[Fact("property.tier", value, at * apart, 1) for at, value in enumerate(values)])
    assert found["properties"]["tier"] == "b"
    assert len(notes) == made
