"""Conversations of several processes: the spans that each process ends, and what has to become of them.

Each has two traces: the agent's, and that of a process with its tools, which shows the id on its last span only. Every
second agent's trace shows it on its last span only, too; every fifth has a span that comes after its root; some agents
die before their root has ended.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.otlp_requests import field, fixed64, pair, request, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace of one process: a name of its own, its root's, and when that begins, in seconds from the start."""

    key: str
    root: str
    begins: float


@dataclass(frozen=True, slots=True)
class Event:
    """What happens as a span begins."""

    name: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """A span, which a producer ends at `at`: a child of the root, or the root, which has no event.

    All times are in seconds from the start.
    """

    at: float
    producer: int
    trace: Trace
    name: str
    begins: float
    ends: float
    attributes: Mapping[str, str | bool]
    event: Event | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the source, and when it is sent, in seconds from the start."""

    at: float
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Expected:
    """What the call of a conversation says, and when its root ended; None of one whose root never did."""

    said: tuple[str, ...]
    tools: int
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class Load:
    """Steps in the order of their times, and what has to become of them, by external id."""

    steps: Sequence[Step]
    expected: dict[str, Expected]

    def messages(self, start_ns: int) -> list[Message]:
        """Returns the steps as a Collector writes them to Kafka, one in each message."""
        return [_message(one, start_ns) for one in self.steps]


def load(number: int, seconds: float, *, seed: int, name: str, orphan_every: int = 50) -> Load:
    """Returns the load of `number` conversations over this many seconds; the same for the same seed and name."""
    chance = random.Random(seed)
    steps: list[Step] = []
    expected: dict[str, Expected] = {}
    for index in range(number):
        one = _Conversation(index, f"{name}-{index:05d}", chance, seconds, orphan_every)
        steps += one.steps
        expected[one.external_id] = one.expected
    steps.sort(key=lambda step: step.at)
    return Load(steps, expected)


class _Conversation:
    def __init__(self, index: int, external_id: str, chance: random.Random, seconds: float, orphan_every: int) -> None:
        self._index, self._shown = index, {"roark.external_id": external_id}
        self._begins, self._lasts = chance.uniform(0, seconds * 0.6), chance.uniform(0.2, 0.4) * seconds
        self._agent = Trace(f"{external_id}/agent", "conversation", self._begins)
        self._tools = Trace(f"{external_id}/tools", "session", self._begins)
        self.external_id = external_id
        self.steps: list[Step] = []
        turns = chance.randint(6, 12)
        is_orphan = bool(orphan_every) and index % orphan_every == orphan_every // 2
        shows = index % 2 == 0 or is_orphan
        has_late = index % 5 == 0 and not is_orphan
        said: list[str] = []
        for turn in range(turns):
            from_, to = turn * self._lasts / turns, (turn + 0.8) * self._lasts / turns
            text = f"{external_id} says {turn} " + "word " * 12
            said.append(text.strip())
            is_late = has_late and turn == turns - 1
            ends_at = self._lasts + chance.uniform(0.2, 1.5) if is_late else to
            event = Event("roark.transcript", {"role": "customer" if turn % 2 else "agent", "text": text})
            self._child(self._agent, f"turn {turn}", (from_, to), event, ends_at, self._shown if shows else {})
        tools = range(1, turns, 3)
        for turn in tools:
            from_, to = turn * self._lasts / turns, (turn + 0.7) * self._lasts / turns
            event = Event("roark.tool_invocation", {"name": "lookup", "parameters": f'{{"id": {turn}}}'})
            self._child(self._tools, f"tool {turn}", (from_, to), event, to, {})
        self._root(self._tools, self._lasts - 0.05, self._shown)
        if not is_orphan:
            self._root(self._agent, self._lasts, {**self._shown, "roark.conversation.root": True})
        ended_at = None if is_orphan else self._begins + self._lasts
        self.expected = Expected(tuple(said), len(tools), ended_at)

    def _child(
        self, trace: Trace, name: str, times: tuple[float, float], event: Event, at: float, shown: Mapping[str, str]
    ) -> None:
        self._add(trace, name, times, {**shown, "app.note": "x" * 200}, event, at)

    def _root(self, trace: Trace, to: float, attributes: Mapping[str, str | bool]) -> None:
        self._add(trace, trace.root, (0, to), attributes, None, to)

    def _add(
        self,
        trace: Trace,
        name: str,
        times: tuple[float, float],
        attributes: Mapping[str, str | bool],
        event: Event | None,
        at: float,
    ) -> None:
        producer = (self._index + (trace is self._tools)) % 3
        begins, ends = (self._begins + one for one in times)
        self.steps.append(Step(self._begins + at, producer, trace, name, begins, ends, attributes, event))


def _message(step: Step, start_ns: int) -> Message:
    trace_id, root_id = _id(step.trace.key, 16), _id(step.trace.key, 8)
    times = fixed64(7, _ns(step.begins, start_ns)) + fixed64(8, _ns(step.ends, start_ns))
    content = [field(5, step.name), times, *(field(9, _pair(*one)) for one in step.attributes.items())]
    if step.event is not None:
        pairs = b"".join(field(3, _pair(*one)) for one in step.event.attributes.items())
        event = field(11, fixed64(1, _ns(step.begins, start_ns)) + field(2, step.event.name) + pairs)
        content += [field(4, root_id), event]
    span_id = root_id if step.event is None else _id(f"{step.trace.key}/{step.name}", 8)
    one = span(*content, trace=trace_id, span=span_id)
    value = request(one, scope=field(1, "my-agent"), resource=field(1, _pair("service.name", "agent")))
    return Message(step.at, trace_id.hex().encode(), value)


def _pair(key: str, value: str | bool) -> bytes:
    return pair(key, field(2, 1) if value is True else field(1, str(value)))


def _ns(at: float, start_ns: int) -> int:
    return start_ns + int(at * SECOND)


def _id(name: str, size: int) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=size).digest()
