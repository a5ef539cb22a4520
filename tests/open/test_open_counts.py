"""What an open conversation of 20 spans keeps, and what reading it takes: counts, which no machine makes faster."""

from __future__ import annotations

import gc
import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._capture.inbox import Inbox
from roark_otel._engine.assembler import OPEN_SECONDS
from roark_otel.attributes import EXTERNAL_ID
from roark_otel.dialects import DIALECTS
from support.helpers import wait_until
from support.live import Finished, Live, texts
from support.shapes import SHAPES, begin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

FEW, MANY = 20, 200
AT_ONCE = 3
"""So many conversations are packed at once: about as many entries as the assembler takes before it packs them."""


def opened(shape: str, first: int, after: int, live: Live) -> None:
    """Opens conversations of a shape."""
    for number in range(first, after):
        begin(live, SHAPES[shape], number)
        if number % AT_ONCE == 0:
            live.drain()
    live.drain()


def tracked(shape: str, *, processors: int) -> float:
    """Returns how many objects the collector tracks of each further open conversation."""
    live = Live(DIALECTS, processors=processors, is_eager=False)
    opened(shape, 1, FEW, live)
    before = _objects()
    opened(shape, FEW, FEW + MANY, live)
    return (_objects() - before) / MANY


def _objects() -> int:
    for _ in range(3):  # a tuple in a tuple is let go of by the collection after the inner one
        gc.collect()
    return len(gc.get_objects())


@pytest.mark.parametrize("shape", SHAPES)
def test_objects_that_the_collector_tracks(shape: str) -> None:
    """A collection walks through every tracked object, while the app waits: a branch and a group."""
    ours = tracked(shape, processors=1) - tracked(shape, processors=0)
    assert ours < 2 + 0.5  # what grows once, such as a cache, is spread over the conversations


@pytest.mark.parametrize(
    ("shape", "most"),
    [
        pytest.param("plain", 9_000, id="plain"),
        pytest.param("livekit", 7_000, id="livekit, of whose attributes each is read"),
        pytest.param("pipecat", 7_000, id="pipecat, of whose attributes each is read"),
    ],
)
def test_bytes_of_an_open_conversation(shape: str, most: int) -> None:
    """An open conversation is its log: 20 spans with 10 attributes and 3 events."""
    live = Live(DIALECTS, is_eager=False)
    opened(shape, 1, FEW + 1, live)
    logs = [len(group.log) for group in live.groups.places.by_number.values()]
    assert len(logs) == FEW
    assert sum(logs) / FEW <= most
    assert live.groups._bytes == sum(logs)


def log_of_requests(scope: str, attribute: str) -> int:
    """Returns the bytes of a log of ten requests, each with a new text of 10,000 characters in an attribute."""
    live = Live(DIALECTS)
    live.start(1, external_id="a")
    for number in range(2, 12):
        live.start(number, 1, scope=scope, name="llm_request")
        live.set(number, attribute, f"{number} " * 10_000)  # too long to be packed
        live.end(number)
    (group,) = live.groups.places.by_number.values()
    return len(group.log)


@pytest.mark.parametrize(
    ("scope", "attribute", "is_kept"),
    [
        ("livekit-agents", "lk.chat_ctx", True),
        ("livekit-agents", "lk.function_tools", False),
        ("livekit-agents", "gen_ai.input.messages", False),
        ("pipecat", "gen_ai.input.messages", False),
        ("pipecat", "lk.chat_ctx", False),
        ("an-app", "gen_ai.input.messages", True),
    ],
)
def test_only_what_a_dialect_may_read_of_a_scope_is_kept(scope: str, attribute: str, is_kept: bool) -> None:
    """LiveKit writes every history twice, once as the GenAI conventions have it, which are not read there."""
    assert (log_of_requests(scope, attribute) > 100_000) is is_kept


def test_a_span_more_costs_its_own_bytes() -> None:
    """The log grows with what is said, and not with what was said before."""

    def log_after(spans: int) -> int:
        live = Live()
        live.start(1, external_id="a")
        for span_id in range(2, spans + 2):
            live.start(span_id, 1)
            live.end(span_id, "Words that are said.")
        (group,) = live.groups.places.by_number.values()
        return len(group.log)

    assert log_after(200) - log_after(100) == log_after(300) - log_after(200)


# Reading it.


@contextmanager
def parses() -> Iterator[list[int]]:
    """Yields a list to which each parsed JSON text adds the characters that were parsed."""
    found: list[int] = []
    scan = json.JSONDecoder.raw_decode

    def counting(self: json.JSONDecoder, text: str, idx: int = 0) -> tuple[Any, int]:
        value, end = scan(self, text, idx)
        found.append(end - idx)
        return value, end

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json.JSONDecoder, "raw_decode", counting)
        yield found


def pipecat_call(turns: int) -> Live:
    """Returns an engine with a Pipecat call that has ended, whose every model request repeats the whole history."""
    live = Live(DIALECTS)
    live.start(1, scope="pipecat", name="conversation", attributes={EXTERNAL_ID: "call-1"})
    history: list[dict[str, str]] = [{"role": "system", "content": "Be kind."}]
    for turn in range(turns):
        span_id = 10 + turn * 2
        history.append({"role": "user", "content": f"Question number {turn}?"})
        live.start(span_id, 1, scope="pipecat", name="turn", attributes={"turn.number": turn + 1})
        live.start(span_id + 1, span_id, scope="pipecat", name="llm")
        live.set(span_id + 1, "input", json.dumps(history))
        live.set(span_id + 1, "output", f"Answer number {turn}.")
        history.append({"role": "assistant", "content": f"Answer number {turn}."})
        live.end(span_id + 1)
        live.end(span_id)
    live.end(1)
    return live


def test_of_growing_histories_only_what_is_new_is_parsed() -> None:
    """Fifty requests with fifty growing histories have a hundred messages, and not two and a half thousand."""
    counts: dict[int, tuple[int, int]] = {}
    for turns in (50, 100, 200):
        live = pipecat_call(turns)
        with parses() as found:
            (finished,) = live.after(2.0)
        assert isinstance(finished, Finished)
        assert texts(finished)[-1] == f"Answer number {turns - 1}."
        counts[turns] = len(found), sum(found)
    assert counts[50][0] <= 2 * 50 + 10
    for of in (0, 1):
        assert counts[200][of] - counts[100][of] <= 2.2 * (counts[100][of] - counts[50][of])


def calls_within(work: Callable[[], object]) -> int:
    """Returns how often functions of this package are called, or generators resumed, while something is done."""
    found = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal found
        found += event == "call" and "roark_otel" in frame.f_code.co_filename

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found


def calls_of_a_pass(spans: int) -> tuple[int, int]:
    """Returns the calls that take the rows of a plain conversation out of its log, and those that make its call."""
    live = Live(DIALECTS, is_eager=False)
    live.start(1, external_id="a")
    for span_id in range(2, spans + 2):
        live.start(span_id, 1)
        live.end(span_id, "Words that are said.")
    live.drain()
    (group,) = live.groups.places.by_number.values()
    rows = calls_within(lambda: list(live.groups.rows(group.number)))
    live.end(1)
    live.drain()
    return rows, calls_within(lambda: live.after(2.0))


def test_calls_for_each_further_row() -> None:
    """A row is taken out of a log by one call, and seven more make an entry of it: the others are for 64 at once."""
    (rows, whole), (more_rows, more_whole) = calls_of_a_pass(64), calls_of_a_pass(64 * 5)
    assert (more_rows - rows) / 256 < 1 + 0.1
    assert (more_whole - whole) / 256 < 8


# The thread.


class Watched(Inbox):
    """Notes each wait of the assembler's thread: at most how many seconds, and for how many entries."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[tuple[float | None, int]] = []
        self.wakes = self.rings = 0

    def ring(self) -> None:
        self.rings += 1
        super().ring()

    def wait(self, seconds: float | None, entries: int = 256) -> None:
        self.waits.append((seconds, entries))
        super().wait(seconds, entries)
        self.wakes += 1


@contextmanager
def running() -> Iterator[tuple[Live, Watched]]:
    """Yields an engine whose assembler runs on its own thread."""
    inbox = Watched()
    live = Live(inbox=inbox, is_eager=False)
    assembler = live.assembler()
    assembler.start()
    try:
        wait_until(lambda: len(inbox.waits) > inbox.wakes)
        yield live, inbox
    finally:
        assembler.stop()


def test_an_idle_thread_sleeps_until_it_is_woken() -> None:
    """Where nothing is open it waits for an entry, without a limit of time."""
    with running() as (_, inbox):
        assert inbox.waits == [(None, 1)]
        assert inbox.wakes == 0


def test_a_thread_with_something_open_wakes_once_a_second() -> None:
    """What is open and says nothing costs one look a second; a first span wakes the thread."""
    with running() as (live, inbox):
        live.start(1, external_id="a")
        wait_until(lambda: len(inbox.waits) > 1)
        assert inbox.wakes == 1
        assert inbox.waits[1][1] == 256
        assert inbox.waits[1][0] == pytest.approx(OPEN_SECONDS)


def test_many_entries_wake_the_thread_once_for_256() -> None:
    """Spans of an open conversation are taken in many at once; between, the thread looks once a second at most."""
    with running() as (live, inbox):
        live.start(1, external_id="a")
        wait_until(lambda: len(inbox.waits) > 1)
        before, began = inbox.wakes, time.monotonic()
        for span_id in range(2, 2_562):
            live.start(span_id, 1)
            live.end(span_id, "A word.")
        wait_until(lambda: len(inbox) < 256)
        seconds = time.monotonic() - began
        assert inbox.wakes - before <= 2_560 / 256 + seconds / OPEN_SECONDS + 1


def test_fewer_entries_ring_no_bell() -> None:
    """An app's thread wakes the assembler at the 256th entry that waits, and not before."""
    inbox = Watched()
    inbox._rings_at = inbox.rings_at = 256
    inbox._is_asleep = True
    live = Live(inbox=inbox, is_eager=False)
    live.start(1, external_id="a")
    for span_id in range(2, 257):
        live.start(span_id, 1)
        assert inbox.rings == 0
        live.end(span_id, "A word.")
    assert (len(inbox), inbox.rings) == (256, 1)
    for span_id in range(257, 600):
        live.start(span_id, 1)
        live.end(span_id, "A word.")
    assert inbox.rings == 1


def test_the_end_of_a_root_rings_the_bell_once() -> None:
    """What has ended is on the disk as soon as the assembler is awake; no other end of its spans wakes it."""
    inbox = Watched()
    inbox._rings_at = inbox.rings_at = 256
    inbox._is_asleep = True
    live = Live(inbox=inbox, is_eager=False)
    live.start(1, external_id="a")
    live.start(2, 1)
    live.start(3, 1)
    live.end(2, "A word.")
    assert inbox.rings == 0

    live.end(1)
    assert inbox.rings == 1

    live.end(3, "A late word.")
    assert inbox.rings == 1
