"""Nothing that a customer or a tool can fill holds the interpreter: texts are read in pieces, in linear time."""

from __future__ import annotations

import re
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._model import cut_marks, json_lists
from roark_otel._model.dialect import Words
from roark_otel._privacy import digits, mails, masking, numbers
from roark_otel._privacy.masking import Masking
from roark_otel._privacy.own_patterns import MOST
from roark_otel._privacy.passages import OVERLAP, PIECE
from roark_otel._privacy.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOSTILE = {
    "digits": "1",
    "letters": "a",
    "at signs": "@",
    "short names": "a@",
    "dots": "a.b",
    "long names": "a" * 60 + "@",
    "plus signs": "+1(",
    "groups": "1 1111 ",
    "dictated": "5 ",
    "pairs": "22 ",
    "cards": "4111 1111 1111 1111 ",
    "commas": "1, ",
    "dates": "2026-11-25-",
    "ids": "550e8400-e29b-41d4-",
    "separators": "- ",
    "zero width": "1\u200b",
    "other scripts": "\u0661\u0661 ",
    "words": "Where is my order? ",
    "one mail": "x" * 999 + "@",
}


class Recording:
    """A compiled pattern that notes how many characters each call may read."""

    def __init__(self, pattern: re.Pattern[str], read: list[int]) -> None:
        self._pattern = pattern
        self._read = read

    def _note(self, text: str, *span: int) -> None:
        first, last = (*span, 0, len(text))[:2] if len(span) != 1 else (span[0], len(text))
        self._read.append(min(last, len(text)) - first)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._pattern, name)

        def noted(*arguments: Any) -> Any:
            text = arguments[1] if name == "sub" else arguments[0]
            self._note(text, *(arguments[1:] if name != "sub" else ()))
            return method(*arguments)

        return noted


@pytest.fixture(name="read")
def _read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The characters that each call of a regular expression reads."""
    read: list[int] = []
    for module in (digits, numbers, mails, masking, cut_marks, json_lists):
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                monkeypatch.setattr(module, name, Recording(value, read))
    return read


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_no_call_reads_more_than_a_piece(piece: str, read: list[int]) -> None:
    own: Any = Recording(re.compile(r"policy \d{1,9}"), read)
    Patterns(["card", "phone", "email", own]).text(piece * (50_000 // len(piece)), 40_000)
    assert 0 < max(read) <= MOST


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_no_call_of_a_built_in_kind_reads_more_than_a_kilobyte(piece: str, read: list[int]) -> None:
    Patterns(["card", "phone", "email"]).text(piece * (50_000 // len(piece)))
    assert 0 < max(read) <= PIECE + OVERLAP


def test_masking_reads_in_pieces_too(read: list[int]) -> None:
    mask = Masking(b"key", Words(names=frozenset({"text"}))).attribute
    for value in ("word " * 100_000, "w" * 500_000, '["' + "word " * 100_000 + '"]', {"a": ["word " * 100_000]}):
        mask("text", value)
    assert 0 < max(read) <= MOST


def steps_of(work: Callable[[], object]) -> int:
    """Counts the calls of functions, of Python and of C, that some work takes: the same on every machine."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_twice_the_text_takes_twice_the_steps(piece: str) -> None:
    found = Patterns(["card", "phone", "email"])
    texts = [(piece * size)[:size] for size in (3_000, 6_000, 12_000)]
    once, twice, four_times = (steps_of(partial(found.text, text)) for text in texts)
    assert twice < 2.3 * once
    assert four_times < 2.3 * twice


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_four_times_the_text_takes_about_four_times_the_time(piece: str) -> None:
    """The best of several, of one thread's own time; quadratic time would take sixteen times as long."""
    found = Patterns(["card", "phone", "email"])

    def seconds(size: int) -> float:
        text, best = (piece * size)[:size], float("inf")
        for _ in range(3):
            began = time.thread_time()
            found.text(text)
            best = min(best, time.thread_time() - began)
        return best

    assert seconds(16_000) < 9 * seconds(4_000) + 0.01


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_others_may_run_after_every_few_steps(piece: str) -> None:
    """The same work in the same pieces on every machine: each of them takes about half a millisecond at most."""
    most, last, calls = 0, 0, 0

    def pause() -> None:
        nonlocal most, last
        most, last = max(most, calls - last), calls

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        Patterns(["card", "phone", "email"], pause).text((piece * 8_000)[:8_000])
    finally:
        sys.setprofile(before)
    assert 0 < max(most, calls - last) < 3_000


def hostile_json() -> Iterator[Any]:
    shared: list[Any] = ["x"]
    for _ in range(60):
        shared = [shared, shared]
    yield shared
    endless: dict[str, Any] = {}
    for number in range(60):
        endless = {f"a{number}": endless, "b": endless}
    yield endless
    yield ["x"] * 3_000_000
    yield dict.fromkeys(map(str, range(1_000_000)), 1)


@pytest.mark.parametrize("value", list(hostile_json()), ids=["lists", "objects", "long", "wide"])
def test_a_json_value_is_bounded_in_values(value: Any) -> None:
    from roark_otel._model.reading import MAX_NODES, flaw, is_sound, json_value

    def size(one: Any) -> int:
        if isinstance(one, dict):
            return 1 + sum(map(size, one.values()))
        return 1 + sum(map(size, one)) if isinstance(one, list) else 1

    found = json_value(value)
    assert size(found) <= 2 * MAX_NODES
    assert "…" in str(found)
    assert not is_sound(value)
    assert flaw(value) is not None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("+1 555 010 0199A4111111111111111", "[phone]A[card]"),
        ("call 555-010-0199x4111111111111111", "call [phone]x[card]"),
        ("+1 555 010 0199A4111111111111111B+1 555 010 0199C4111111111111111", "[phone]A[card]B[phone]C[card]"),
    ],
)
def test_a_number_glued_to_another_is_found(text: str, found: str) -> None:
    """What was found once leaves nothing behind that would be found the second time."""
    patterns = Patterns(("card", "phone"))

    assert patterns.text(text) == found
    assert patterns.text(found) == found
