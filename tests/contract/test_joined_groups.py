"""Groups of spans that turn out to be one conversation, while its call rests in the spool."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel.dialects import DIALECTS
from roark_otel.types import Dialect
from support.helpers import ID, App, agent_said, customer_said, wait_until, words

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox


def test_turns_under_the_resource_s_id_join_while_the_call_rests(sandbox: Sandbox) -> None:
    """A root for each turn, and no id but the resource's: each turn that ends in the quiet time is part of the call."""
    app = App(sandbox.url, resource={ID: "worker-7"}, linger_seconds=0)
    for number in range(3):
        with app.tracer.start_as_current_span("turn") as turn:
            customer_said(turn, f"Turn {number}.")
        wait_until(lambda: app.processor.stats().finished == 1, 30)
        wait_until(lambda: app.processor.stats().open_conversations == 1, 30)
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Turn 0.", "Turn 1.", "Turn 2."]]
    assert app.processor.stats().second_roots == 0


def test_a_session_without_an_id_joins_the_call_that_rests_in_its_trace(sandbox: Sandbox) -> None:
    """The trace shows one id: what a framework's session below the same span says belongs to it."""
    app = App(sandbox.url, linger_seconds=0)
    livekit = app.provider.get_tracer("livekit-agents")
    with app.tracer.start_as_current_span("job"):
        with app.tracer.start_as_current_span("intro", attributes={ID: "call-1"}) as intro:
            agent_said(intro, "One moment.")
        wait_until(lambda: app.processor.stats().finished == 1, 30)
        with livekit.start_as_current_span("agent_session"), livekit.start_as_current_span("turn") as turn:
            agent_said(turn, "Hello?")
    assert app.processor.force_flush()
    assert words(sandbox.call("call-1").body) == ["One moment.", "Hello?"]


class Garbage:
    """A reader whose moments are none."""

    def read(self, _: object) -> None:
        """Reads nothing."""

    def moments(self) -> list[Any]:
        """Returns values of other types."""
        return [1, "a", None, object()]


@pytest.mark.faults
@pytest.mark.parametrize("reader", [lambda _: Garbage(), lambda _: 7], ids=["moments", "reader"])
def test_what_is_no_moment_and_no_reader_is_counted_and_left_out(sandbox: Sandbox, reader: Any) -> None:
    app = App(sandbox.url, dialects=(Dialect(name="bad", reader=reader, prefixes=("roark.",)), *DIALECTS))
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]
    assert app.processor.stats().unreadable > 0


class Odd(dict[str, str]):
    """A mapping that raises."""

    def items(self) -> Any:
        """Raises."""
        raise RuntimeError("the customer's words are secret")


@pytest.mark.faults
def test_a_name_of_a_type_that_raises_costs_itself(sandbox: Sandbox) -> None:
    """On a root too, whose end is noted all the same."""
    app = App(sandbox.url)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "Hello?")
        root.add_event(Odd())  # type: ignore[arg-type]
        root.update_name(Odd())  # type: ignore[arg-type]
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]
    assert app.processor.stats().open_conversations == 0


def test_attributes_with_numbers_below_zero_cost_nothing(sandbox: Sandbox) -> None:
    """Names that only look like a list's are kept as they are."""
    app = App(sandbox.url)
    odd = {f"llm.input_messages.{number}.message.content": f"message {number}" for number in range(-1, 20)}
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "Hello?")
        for _ in range(2):
            app.tracer.start_span("model", attributes=odd).end()
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]


def test_numbers_may_be_asked_for_while_conversations_come_and_go(sandbox: Sandbox) -> None:
    """From any thread: nothing is raised into the app, whatever the assembler does meanwhile."""
    app = App(sandbox.url, linger_seconds=0, quiet_seconds=0)
    faults: list[Exception] = []
    over = threading.Event()

    def ask() -> None:
        try:
            while not over.is_set():
                app.processor.stats()
        except RuntimeError as fault:
            faults.append(fault)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        roots = [app.tracer.start_span("call", attributes={ID: f"call-{number}"}) for number in range(300)]
        for root in roots:
            root.end()
        assert app.processor.force_flush()
    finally:
        over.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(before)
    assert not faults
