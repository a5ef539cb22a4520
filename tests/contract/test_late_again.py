"""What comes late is read together with its call while that waits, and alone: both ways give the same call."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.id_generator import IdGenerator

from roark_otel import attach_recording
from roark_otel._open import kept_logs
from support.helpers import ID, MS, RECORDING, SECOND, T0, App, agent_said, customer_said, wait_until, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.trace import Span

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

MARKED = {"roark.conversation.root": True}
UNSENT = "http://127.0.0.1:9"
UNSENT_TOO = "http://127.0.0.1:10"
"""Another engine's."""


class Numbered(IdGenerator):
    def __init__(self) -> None:
        self._numbers = count(1)

    def generate_span_id(self) -> int:
        return next(self._numbers)

    def generate_trace_id(self) -> int:
        return next(self._numbers)


class Call:
    """A call that waits for its recording, and spans of it that have not ended."""

    def __init__(self, folder: Path, late: int = 1, url: str = UNSENT, **arguments: Any) -> None:
        self.folder = folder
        given: dict[str, Any] = {"recording_url": None, "spool_dir": folder, **arguments}
        self.app = App(url, provider={"id_generator": Numbered()}, **given)
        tracer = self.app.tracer
        self.root = tracer.start_span("call", attributes={ID: "call-1", **MARKED}, start_time=T0)
        customer_said(self.root, "Where is my order?", T0 + SECOND)
        agent_said(self.root, "Let me look.", T0 + 3 * SECOND, duration_ms=900)
        context = _under(self.root)
        self.late = [tracer.start_span("late", context, start_time=T0 + 4 * SECOND) for _ in range(late)]

    def end(self) -> None:
        self.root.end(T0 + 60 * SECOND)
        self.app.processor.force_flush(10_000)

    def comes_late(self, fill: Callable[[Span], None], **attributes: Any) -> None:
        """Fills the next late span and ends it."""
        span = self.late.pop()
        fill(span)
        span.set_attributes(attributes)
        span.end(T0 + 90 * SECOND)
        self.app.processor.force_flush(10_000)

    @property
    def kept(self) -> kept_logs.KeptLogs:
        """The logs that are kept."""
        engine = self.app.processor._engine
        assert engine is not None
        return engine.parts.assembler._groups.kept

    def body(self) -> Json:
        """The call as it waits."""
        (path,) = [path for path in self.folder.rglob("*.jsonl") if "rejected" not in path.parts]
        found: Json = json.loads(path.read_bytes().split(b"\n")[1])
        return found


def _under(span: Span) -> Any:
    from opentelemetry.trace import set_span_in_context

    return set_span_in_context(span)


@pytest.fixture(name="begin")
def _begin(tmp_path: Path) -> Iterator[Callable[..., Call]]:
    begun: list[Call] = []

    def begin(name: str = "a", **arguments: Any) -> Call:
        begun.append(Call(tmp_path / name, **arguments))
        return begun[-1]

    yield begin
    for call in begun:
        call.app.close()


def uses_tool(span: Span) -> None:
    fields = {"name": "look", "id": "1", "parameters": '{"n": 1}', "result": "sent"}
    span.add_event("roark.tool_invocation", fields, timestamp=T0 + 5 * SECOND)


def says(span: Span) -> None:
    agent_said(span, "It is on its way.", T0 + 7 * SECOND, duration_ms=900)


def repeats(span: Span) -> None:
    """What a model was asked and answered, which the app said itself."""
    asked, answer = ([{"role": role, "parts": [{"type": "text", "content": text}]}] for role, text in TURN)
    span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "x"})
    span.set_attributes({"gen_ai.input.messages": json.dumps(asked), "gen_ai.output.messages": json.dumps(answer)})


TURN = (("user", "Where is my order?"), ("assistant", "Let me look."))


@pytest.mark.parametrize("late", [[uses_tool], [says], [uses_tool, says], [says, uses_tool]])
def test_both_ways_give_the_same_call(
    late: list[Callable[[Span], None]], begin: Callable[..., Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies: list[str] = []
    for url, max_bytes in ((UNSENT, kept_logs.MAX_KEPT_BYTES), (UNSENT_TOO, 0)):
        monkeypatch.setattr(kept_logs, "MAX_KEPT_BYTES", max_bytes)
        call = begin(str(max_bytes), late=len(late), url=url)
        call.end()
        assert len(call.kept) == (max_bytes > 0)
        for one in late:
            call.comes_late(one)
        assert len(call.kept) == (max_bytes > 0)
        bodies.append(json.dumps(call.body(), sort_keys=True))

    assert bodies[0] == bodies[1]
    found = json.loads(bodies[0])
    assert ("It is on its way." in words(found)) == (says in late)
    assert [one["name"] for one in found.get("toolInvocations", ())] == ["look"] * (uses_tool in late)


def test_ends_that_are_guessed_are_guessed_again(begin: Callable[..., Call]) -> None:
    """An utterance without an end ends where the next one begins, which comes late here."""
    call = begin()
    agent_said(call.root, "One moment.", T0 + 5 * SECOND)
    call.end()
    assert call.body()["transcript"][-1]["endOffsetMs"] == 60_000
    call.comes_late(says)

    assert [entry["endOffsetMs"] for entry in call.body()["transcript"][-2:]] == [7_000, 7_900]


def test_a_late_span_that_repeats_what_was_said_adds_nothing(begin: Callable[..., Call]) -> None:
    call = begin()
    call.end()
    before = call.body()
    call.comes_late(repeats)

    assert call.body() == before


def test_a_call_whose_recording_was_attached_keeps_it(begin: Callable[..., Call], sandbox: Sandbox) -> None:
    call = begin(url=sandbox.url, recording_delay_seconds=3_600, late=2)
    call.end()
    call.comes_late(says)
    attach_recording("call-1", RECORDING)
    wait_until(lambda: len(sandbox.calls()) == 1)
    call.comes_late(uses_tool)

    assert (sandbox.calls()[0]["recordingUrl"], words(sandbox.calls()[0])[-1]) == (RECORDING, "It is on its way.")
    assert [tool["name"] for tool in sandbox.call("call-1").tool_invocations] == ["look"]
    assert len(call.kept) == 0


def test_what_an_open_span_said_is_not_lost_while_another_comes_late(begin: Callable[..., Call]) -> None:
    """It was read while it was open, and is not in the log."""
    call = begin(late=2)
    agent_said(call.late[0], "One moment.", T0 + 5 * SECOND)
    call.end()
    assert words(call.body())[-1] == "One moment."
    call.comes_late(uses_tool)

    assert words(call.body())[-1] == "One moment."
    assert [one["name"] for one in call.body()["toolInvocations"]] == ["look"]


def test_a_call_that_is_to_be_skipped_after_all_is_taken_back(begin: Callable[..., Call]) -> None:
    call = begin()
    call.end()
    call.comes_late(says, **{"roark.skip": True})

    assert list(call.folder.rglob("*.jsonl")) == []
    assert call.app.processor.stats().skipped == 1


def test_the_log_of_a_call_that_is_sent_at_once_is_not_kept(begin: Callable[..., Call], sandbox: Sandbox) -> None:
    call = begin(url=sandbox.url, recording_url=RECORDING)
    call.end()

    assert (len(sandbox.calls()), len(call.kept)) == (1, 0)


def test_the_bound_of_kept_logs_holds() -> None:
    kept = kept_logs.KeptLogs(1_000)
    for number in range(20):
        kept.keep(number, bytearray(100))
        assert kept.size == 100 * len(kept) <= 1_000

    assert [number for number in range(20) if kept.add(number, bytearray()) is not None] == list(range(10, 20))
    assert kept.add(15, bytearray(250)) == bytearray(350)
    assert (kept.size, len(kept), kept.add(12, bytearray())) == (950, 7, None)
    kept.keep(20, bytearray(1_001))
    assert (kept.size, len(kept)) == (0, 0)


def test_rows_over_the_bound_are_read_alone(begin: Callable[..., Call], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_logs, "MAX_KEPT_BYTES", 2_000)
    call = begin(late=2)
    call.end()
    assert 0 < call.kept.size <= 2_000
    call.comes_late(lambda span: agent_said(span, "x" * 3_000, T0 + 20 * SECOND + MS))
    assert call.kept.size == 0
    call.comes_late(says)

    assert [len(text) for text in words(call.body())] == [18, 12, 17, 3_000]
