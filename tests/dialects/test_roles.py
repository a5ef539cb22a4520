"""Who said something, by the word that an app, a provider or a model has for that side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from roark_otel._model.moments import Customer, Utterance
from roark_otel._model.rows import SpanEvent, SpanView
from roark_otel.dialects import GEN_AI, OPENINFERENCE, ROARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from roark_otel.types import Dialect, Unreadable

T0 = 1_795_348_364_000_000_000
AGENTS = ["agent", "ai", "assistant", "bot", "model"]
CUSTOMERS = ["caller", "customer", "human", "user"]
KNOWN = "not one of agent, ai, assistant, bot, model, caller, customer, human, user"
OTHER = "supervisor"

Heard = tuple[list[str], list["Unreadable"]]


def read(dialect: Dialect, spans: Iterable[SpanView]) -> Heard:
    """Returns the sides that spoke, and what was warned of."""
    warned: list[Unreadable] = []
    reader = dialect.reader(warned.append)
    for one in spans:
        reader.read(one)
    said = [one for one in reader.moments() if isinstance(one, Utterance)]
    return ["CUSTOMER" if isinstance(one.speaker, Customer) else "AGENT" for one in said], warned


def events(roles: Sequence[object]) -> Heard:
    """Reads events of an app."""
    said = [
        SpanEvent("roark.transcript", T0 + at, {"role": role, "text": f"words {at}"}) for at, role in enumerate(roles)
    ]
    return read(ROARK, [SpanView(1, 2, None, "app", "call", T0, T0 + 9, {"roark.external_id": "c"}, tuple(said))])


def gen_ai(roles: Sequence[object]) -> Heard:
    """Reads a history of the GenAI conventions."""
    asked = [{"role": role, "content": f"words {at}"} for at, role in enumerate(roles)]
    return read(GEN_AI, [_span({"gen_ai.input.messages": json.dumps(asked)})])


def openinference(roles: Sequence[object]) -> Heard:
    """Reads a history of OpenInference."""
    named = {f"llm.input_messages.{at}.message.role": role for at, role in enumerate(roles)}
    words = {f"llm.input_messages.{at}.message.content": f"words {at}" for at in range(len(roles))}
    return read(OPENINFERENCE, [_span({"openinference.span.kind": "LLM", **named, **words})])


def _span(attributes: dict[str, object]) -> SpanView:
    return SpanView(1, 2, None, "app", "chat", T0, T0 + 9, attributes)


PLACES = pytest.mark.parametrize("place", [events, gen_ai, openinference])


@PLACES
@pytest.mark.parametrize("spelt", [str, str.upper, str.title, " {} ".format, "\t{}\n".format])
@pytest.mark.parametrize(("roles", "side"), [(AGENTS, "AGENT"), (CUSTOMERS, "CUSTOMER")])
def test_each_side_has_several_names_in_any_case(
    place: Callable[[Sequence[object]], Heard], spelt: Callable[[str], str], roles: list[str], side: str
) -> None:
    assert place([spelt(role) for role in roles]) == ([side] * len(roles), [])


@PLACES
@pytest.mark.parametrize("role", [OTHER, OTHER.upper(), "agents", "the agent", "user2"])
def test_another_role_is_warned_of_with_the_known_ones(place: Callable[[Sequence[object]], Heard], role: str) -> None:
    """Once in a span however often it comes, and without its value: an app may put anything there."""
    heard, warned = place([role, "user"])

    assert heard == ["CUSTOMER"]
    assert [one.why for one in warned] == [KNOWN]
    assert "role" in warned[0].attribute
    assert role not in f"{warned[0].attribute} {warned[0].why}".split()


@pytest.mark.parametrize("role", [None, 7, True, ["agent"], "", "  "])
def test_an_event_without_a_role_is_warned_of(role: object) -> None:
    heard, warned = events([role])

    assert (heard, [one.why for one in warned]) == ([], [KNOWN])


@pytest.mark.parametrize("place", [gen_ai, openinference])
def test_a_system_and_a_tool_are_no_side_and_no_reason_for_a_warning(
    place: Callable[[Sequence[object]], Heard],
) -> None:
    assert place(["system", "developer", "tool", "function"]) == ([], [])
