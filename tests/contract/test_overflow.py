"""Spans for which the inbox has no room: each call says how many it lost, and together they say all that is missing."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from roark_otel._capture import inbox
from roark_otel._engine import parts
from roark_otel._open import kept_logs
from support.helpers import ID, App, by_id, customer_said, wait_until, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opentelemetry.trace import Span

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

THREADS = 4
MARKED = {"roark.conversation.root": True}


class Gauged(inbox.Inbox):
    """An inbox that is as full as a test wants it, however fast the assembler is."""

    is_full = is_flood = False
    _rings = 0

    def has_room(self) -> bool:
        return not self.is_full and super().has_room()

    def is_flooded(self) -> bool:
        return self.is_flood or super().is_flooded()

    @property
    def rings_at(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return 0 if self.is_full else self._rings

    @rings_at.setter
    def rings_at(self, entries: int) -> None:
        self._rings = entries


@pytest.fixture(name="gauge")
def _gauge(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets how full the inboxes of engines are that are built from now on."""
    monkeypatch.setattr(parts, "Inbox", Gauged)
    monkeypatch.setattr(Gauged, "is_full", False)
    monkeypatch.setattr(Gauged, "is_flood", False)

    def gauge(*, full: bool, flooded: bool = False) -> None:
        monkeypatch.setattr(Gauged, "is_full", full)
        monkeypatch.setattr(Gauged, "is_flood", flooded)

    return gauge


def lost(call: Json, what: str = "spans") -> int:
    """How many spans, or events, a call says that it lost."""
    found: int = call.get("properties", {}).get(f"roark_dropped_{what}", 0)
    return found


def below(span: Span) -> Any:
    return trace.set_span_in_context(span)


def said(app: App, root: Span, text: str, *more: str, name: str = "turn", **attributes: Any) -> None:
    """The customer says something, on a span of its own."""
    span = app.tracer.start_span(name, below(root), attributes=attributes)
    for each in (text, *more):
        customer_said(span, each)
    span.end()


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "implied"])
@pytest.mark.parametrize("turns", [300, pytest.param(5_000, marks=pytest.mark.long)])
def test_what_was_said_has_arrived_or_is_counted(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, turns: int, marked: bool
) -> None:
    """From several threads, faster than the assembler can take it in: call by call, and so in the sum."""
    monkeypatch.setattr(inbox, "MANY_SPANS", 10)
    monkeypatch.setattr(parts, "Inbox", partial(inbox.Inbox, 20))
    app = App(sandbox.url)
    everybody = threading.Barrier(THREADS)

    def talk(thread: int) -> None:
        for number in range(thread, 3 * THREADS, THREADS):
            root = app.tracer.start_span("call", attributes={ID: f"call-{number}", **(MARKED if marked else {})})
            customer_said(root, "on the root")
            everybody.wait()
            for turn in range(turns):
                said(app, root, f"{turn}", f"{turn}, again")
            root.end()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(talk, range(THREADS)))
    assert app.processor.force_flush(120_000)

    calls = by_id(sandbox.calls())
    assert calls.keys() == {f"call-{number}" for number in range(3 * THREADS)}
    missing = {name: 2 * turns + 1 - len(words(call)) for name, call in calls.items()}
    assert {name: lost(call, "events") for name, call in calls.items()} == missing
    assert {name: 2 * lost(call) for name, call in calls.items()} == missing
    stats = app.processor.stats()
    assert (2 * stats.dropped_spans, stats.dropped_events) == (sum(missing.values()), sum(missing.values()))
    assert stats.dropped_spans > 0


@pytest.mark.parametrize("scope", ["app", "livekit-agents"])
def test_a_conversation_known_by_its_trace_alone(sandbox: Sandbox, gauge: Callable[..., None], scope: str) -> None:
    """The id comes at the end of the root; what was lost before names neither it nor a span that is known."""
    app = App(sandbox.url)
    root = app.provider.get_tracer(scope).start_span("call", attributes={"gen_ai.system": "example"})
    said(app, root, "in time")
    gauge(full=True)
    for number in range(20):
        said(app, root, str(number))
    root.set_attribute(ID, "call-1")
    root.end()
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (words(call), lost(call), app.processor.stats().dropped_spans) == (["in time"], 20, 20)


@pytest.mark.parametrize("flooded", [False, True], ids=["full", "flooded"])
def test_each_of_two_conversations_says_its_own(sandbox: Sandbox, gauge: Callable[..., None], flooded: bool) -> None:
    """Also where spans between a root and a lost one begin and end without a note, because there is no room for it."""
    app = App(sandbox.url)
    tracer = app.tracer
    with tracer.start_as_current_span("job"):
        roots = [tracer.start_span("call", attributes={ID: f"call-{at}", **MARKED}) for at in range(2)]
        opened = [tracer.start_span("step", below(root)) for root in roots]
        gauge(full=True, flooded=flooded)
        for at, step in enumerate(opened):
            for number in range(at + 3):
                said(app, step, str(number))
            begun = tracer.start_span("another", below(roots[at]))
            said(app, roots[at], "below the root")
            begun.end()
            step.end()
    gauge(full=False)
    for root in roots:
        root.end()
    assert app.processor.force_flush()
    assert {name: lost(call) for name, call in by_id(sandbox.calls()).items()} == {"call-0": 4, "call-1": 5}


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "implied"])
def test_lost_after_the_root_has_ended(sandbox: Sandbox, gauge: Callable[..., None], marked: bool) -> None:
    """While the call lingers it is in none yet, so it is counted as if it had come before."""
    app = App(sandbox.url)
    root = app.tracer.start_span("call", attributes={ID: "call-1", **(MARKED if marked else {})})
    said(app, root, "in time")
    late = [app.tracer.start_span("late", below(root)) for _ in range(3)]
    root.end()
    gauge(full=True)
    for span in late:
        customer_said(span, "late")
        span.end()
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (words(call), lost(call), lost(call, "events")) == (["in time"], 3, 3)


@pytest.mark.parametrize("log", ["kept", "not kept"])
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "implied"])
def test_lost_while_the_call_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gauge: Callable[..., None], marked: bool, log: str
) -> None:
    """It waits for its recording, or rests because a further root may join: what is lost then is counted in it too."""
    if log == "not kept":
        monkeypatch.setattr(kept_logs, "MAX_KEPT_BYTES", 0)
    app = App("http://127.0.0.1:9", recording_url=None, spool_dir=tmp_path)
    root = app.tracer.start_span("call", attributes={ID: "call-1", **(MARKED if marked else {})})
    said(app, root, "in time")
    late = [app.tracer.start_span("late", below(root)) for _ in range(6)]
    root.end()
    app.processor.force_flush()
    for some in (late[:2], late[2:5]):  # twice: the numbers add up
        gauge(full=True)
        for span in some:
            customer_said(span, "late")
            span.end()
        gauge(full=False)
        app.processor.force_flush()
    customer_said(late[5], "late, and there is room")
    late[5].end()
    app.processor.force_flush()

    call = waiting(tmp_path)["call-1"]
    assert (words(call), lost(call), lost(call, "events")) == (["in time", "late, and there is room"], 5, 5)
    assert app.processor.stats().dropped_spans == 5


def test_lost_while_an_implied_call_rests(sandbox: Sandbox, gauge: Callable[..., None]) -> None:
    """Its quiet time has begun, and a span is lost: the call is made again, and says so."""
    app = App(sandbox.url, linger_seconds=0)
    root = app.tracer.start_span("call", attributes={ID: "call-1"})
    said(app, root, "in time")
    late = app.tracer.start_span("late", below(root))
    root.end()
    wait_until(lambda: app.processor.stats().spooled == 1)
    gauge(full=True)
    customer_said(late, "late")
    late.end()
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (words(call), lost(call), lost(call, "events")) == (["in time"], 1, 1)


def test_lost_after_the_call_was_sent(sandbox: Sandbox, tmp_path: Path, gauge: Callable[..., None]) -> None:
    """Roark has the call, so `rejected/` keeps the number, and it is counted as what else comes too late."""
    app = App(sandbox.url, spool_dir=tmp_path)
    root = app.tracer.start_span("call", attributes={ID: "call-1", **MARKED})
    said(app, root, "in time")
    late = app.tracer.start_span("late", below(root))
    root.end()
    assert app.processor.force_flush()
    gauge(full=True)
    customer_said(late, "late")
    late.end()
    assert app.processor.force_flush()

    (kept,) = tmp_path.rglob("rejected/*.jsonl")
    aside = json.loads(kept.read_bytes().split(b"\n")[1])
    assert (aside["externalId"], lost(aside), lost(aside, "events")) == ("call-1", 1, 1)
    stats = app.processor.stats()
    assert (stats.dropped_spans, stats.late_dropped) == (1, 1)


def test_a_second_processor_loses_nothing_twice(sandbox: Sandbox, gauge: Callable[..., None]) -> None:
    """Two processors of one engine see each span: it is lost once, or taken once."""
    app, second = App(sandbox.url), App(sandbox.url)
    app.provider.add_span_processor(second.processor)
    root = app.tracer.start_span("call", attributes={ID: "call-1", **MARKED})
    for number in range(20):
        gauge(full=number % 2 > 0)
        said(app, root, str(number))
    root.end()
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (len(words(call)), lost(call), app.processor.stats().dropped_spans) == (10, 10, 10)


@pytest.mark.parametrize("has_ended", [True, False])
def test_a_conversation_lost_whole_has_a_count_and_a_line(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, gauge: Callable[..., None], has_ended: bool
) -> None:
    """Without a word left, an implied root makes no call: the process says so, and how many spans were lost."""
    app = App(sandbox.url)
    root = app.tracer.start_span("call", attributes={ID: "call-1"})
    gauge(full=True)
    for number in range(3):
        said(app, root, str(number))
    if has_ended:
        root.end()
    with caplog.at_level(logging.WARNING, logger="roark_otel"):
        app.close()

    stats = app.processor.stats()
    assert (stats.dropped_conversations, stats.empty, stats.dropped_spans, stats.dropped_events) == (1, 0, 3, 3)
    assert sandbox.calls() == []
    lines = [each.getMessage() for each in caplog.records]
    assert [line for line in lines if "none of its words" in line and "external_id=call-1" in line]
    assert [line for line in lines if "roark_dropped_spans" in line]


def test_a_marked_root_without_a_word_left(sandbox: Sandbox, gauge: Callable[..., None]) -> None:
    """The app has said that it is a conversation: the call is empty, and says how many spans are missing."""
    app = App(sandbox.url)
    root = app.tracer.start_span("call", attributes={ID: "call-1", **MARKED})
    gauge(full=True)
    for number in range(3):
        said(app, root, str(number))
    root.end()
    assert app.processor.force_flush()
    (call,) = sandbox.calls()
    assert (words(call), lost(call)) == ([], 3)
    assert app.processor.stats().dropped_conversations == 0


def test_a_root_that_the_app_lets_go_of_in_a_flood(sandbox: Sandbox, gauge: Callable[..., None]) -> None:
    """It can never end: that is the end of the conversation, for which there is always room, with what it says."""
    app = App(sandbox.url)
    root = app.tracer.start_span("call", attributes={ID: "call-1", **MARKED})
    customer_said(root, "on the root")
    gauge(full=True, flooded=True)
    said(app, root, "lost")
    del root
    app.close()
    (call,) = sandbox.calls()
    assert (words(call), lost(call), call["properties"]["roark_incomplete"]) == (["on the root"], 1, True)


def waiting(folder: Path) -> dict[str, Json]:
    """The calls in a spool."""
    paths = [path for path in folder.rglob("*.jsonl") if "rejected" not in path.parts]
    return by_id([json.loads(path.read_bytes().split(b"\n")[1]) for path in paths])
