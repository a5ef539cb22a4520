"""Conversations that go on turn after turn, as an app or a framework traces them.

A framework's turn is one that was recorded of it, with other words, ids of its own and a history that grows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry.context import Context
from opentelemetry.trace import set_span_in_context

from support.paths import SPANS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

Json: TypeAlias = "dict[str, Any]"


class Talk:
    """A conversation that an app traces itself, with a span for each utterance.

    Args:
        provider: Makes its spans.
        external_id: Its id.
        first: The number of its first sentence.
    """

    def __init__(self, provider: TracerProvider, external_id: str, first: int) -> None:
        attributes: Json = {"roark.external_id": external_id, "roark.conversation.root": True}
        self._tracer = provider.get_tracer("app")
        self.root: Span = self._tracer.start_span("call", Context(), attributes=attributes)
        self._first = first

    def sentences(self) -> Iterator[int]:
        """Says one sentence after the other. Yields the number of each when it stands on a span that has ended."""
        number = self._first
        while True:
            with self._tracer.start_as_current_span("turn", set_span_in_context(self.root, Context())) as span:
                span.add_event("roark.transcript", {"role": "agent", "text": sentence(number)})
            yield number
            number += 1


def sentence(number: int) -> str:
    """Returns the words of an utterance."""
    return f"Sentence {number}."


@dataclass(frozen=True, slots=True, eq=False)
class Framework:
    """How a framework traces.

    Args:
        dump: The recording, below `tests/spans`.
        turn: The name of the span with which a turn begins.
        nth: Which of the turns is taken, from 0.
        said: For customer and agent, the span that has the words when it ends, and the attribute.
        own: For spans by name, the attributes whose values are different in each turn.
        histories: For spans by name, the attribute that repeats the conversation, and how it shows one utterance.
    """

    dump: str
    turn: str
    nth: int
    said: tuple[tuple[str, str], tuple[str, str]]
    own: Mapping[str, str]
    histories: Mapping[str, tuple[str, Callable[[str, str], Json]]]


def _item(role: str, text: str) -> Json:
    return {"type": "message", "role": role, "content": [text], "interrupted": False, "extra": {}}


def _parts(role: str, text: str) -> Json:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _message(role: str, text: str) -> Json:
    return {"role": role, "content": text}


LIVEKIT = Framework(
    "livekit/1.8.9-three_turns",
    "user_turn",
    0,
    (("user_turn", "lk.pii.user_transcript"), ("agent_turn", "lk.pii.response.text")),
    {"agent_turn": "lk.speech_id", "llm_request": "gen_ai.response.id"},
    {"llm_node": ("lk.pii.chat_ctx", _item), "llm_request": ("gen_ai.input.messages", _parts)},
)
PIPECAT = Framework(
    "pipecat/three_turn_ws",
    "turn",
    1,
    (("stt", "transcript"), ("tts", "text")),
    {"turn": "turn.number"},
    {"llm": ("input", _message)},
)

EVENTS_PER_TURN = 4
"""How many events of its kind the root gets in a turn, if it has any."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The root of a recording, its turn as starts and ends in their order, and the words that are replaced in it."""

    root: Json
    moments: tuple[tuple[bool, Json], ...]
    words: tuple[str, str]
    own: tuple[str, ...]


@cache
def _recorded(framework: Framework) -> Recorded:
    spans = json.loads((SPANS / f"{framework.dump}.json").read_text(encoding="utf-8"))
    begins = sorted(one["on_start_seq"] for one in spans if one["name"] == framework.turn)
    first, after = begins[framework.nth : framework.nth + 2]
    turn = [one for one in spans if first <= one["on_start_seq"] < after]
    by_name = {one["name"]: one["attributes"] for one in turn}
    moments = sorted(
        [(one["on_start_seq"], False, one) for one in turn] + [(one["on_end_seq"], True, one) for one in turn],
        key=lambda moment: moment[0],
    )
    customer, agent = (by_name[name][key].strip() for name, key in framework.said)
    own = tuple(str(by_name[name][key]) for name, key in framework.own.items() if isinstance(by_name[name][key], str))
    root = next(one for one in spans if not one["parent_span_id"])
    return Recorded(root, tuple((is_end, one) for _, is_end, one in moments), (customer, agent), own)


class FrameworkTalk:
    """A conversation as a framework traces it: `Talk` says what its arguments are."""

    def __init__(self, provider: TracerProvider, external_id: str, first: int, framework: Framework) -> None:
        self._provider = provider
        self._framework = framework
        self._turn = _recorded(framework)
        self._first = first - first % 2
        self._histories: dict[str, list[str]] = {name: [] for name in framework.histories}
        attributes = {**self._turn.root["attributes"], "roark.external_id": external_id}
        self.root: Span = self._start(self._turn.root, Context(), attributes)

    def sentences(self) -> Iterator[int]:
        """Holds one turn after the other, each a sentence of the customer and one of the agent: see `Talk`."""
        number = self._first
        while True:
            yield from self._turn_of(number)
            number += 2

    def _turn_of(self, number: int) -> Iterator[int]:
        live: dict[str, Span] = {}
        (customer, _), (agent, _) = self._framework.said
        for event in self._turn.root["events"][:EVENTS_PER_TURN]:
            self.root.add_event(event["name"], event["attributes"])
        for is_end, span in self._turn.moments:
            if not is_end:
                above = live.get(span["parent_span_id"], self.root)
                early = span.get("attributes_at_start") or {}
                context = set_span_in_context(above, Context())
                live[span["span_id"]] = self._start(span, context, self._of_turn(span, early, number))
                if span["name"] == next(iter(self._histories)):
                    self._remember("user", sentence(number))
                continue
            ended = live[span["span_id"]]
            ended.set_attributes(self._of_turn(span, span["attributes"], number))
            for event in span["events"]:
                ended.add_event(event["name"], self._of_turn(span, event["attributes"], number))
            ended.end()
            if span["name"] == customer:
                yield number
            elif span["name"] == agent:
                self._remember("assistant", sentence(number + 1))
                yield number + 1

    def _start(self, span: Json, context: Context, attributes: Json) -> Span:
        return self._provider.get_tracer(span["scope"]["name"]).start_span(span["name"], context, attributes=attributes)

    def _remember(self, role: str, text: str) -> None:
        for name, history in self._histories.items():
            history.append(json.dumps(self._framework.histories[name][1](role, text)))

    def _of_turn(self, span: Json, attributes: Json, number: int) -> Json:
        """Returns the recorded attributes of a span with the words and ids of this turn, and its history."""
        found = {key: self._replaced(value, number) for key, value in attributes.items()}
        history = self._framework.histories.get(span["name"])
        if history is not None and history[0] in found:
            listed = f"[{', '.join(self._histories[span['name']])}]"
            found[history[0]] = f'{{"items": {listed}}}' if found[history[0]].startswith("{") else listed
        return found

    def _replaced(self, value: Any, number: int) -> Any:
        if not isinstance(value, str):
            return value
        customer, agent = self._turn.words
        value = value.replace(agent, sentence(number + 1)).replace(customer, sentence(number))
        for own in self._turn.own:
            value = value.replace(own, f"{own}-{number}")
        return value


def talk_of(shape: str, provider: TracerProvider, external_id: str, first: int) -> Talk | FrameworkTalk:
    """Returns a conversation of this shape: `plain`, `livekit` or `pipecat`."""
    framework = {"livekit": LIVEKIT, "pipecat": PIPECAT}.get(shape)
    if framework is None:
        return Talk(provider, external_id, first)
    return FrameworkTalk(provider, external_id, first, framework)
