"""Conversations of several processes, as messages of the source, and what has to become of each.

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
    from collections.abc import Sequence

SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the source, when it is sent, in seconds from the start, and by which producer."""

    at: float
    producer: int
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
    """Messages in the order of their times, and what has to become of them, by external id."""

    messages: Sequence[Message]
    expected: dict[str, Expected]


def load(number: int, seconds: float, *, seed: int, name: str, start_ns: int, orphan_every: int = 50) -> Load:
    """Returns the load of `number` conversations over this many seconds; the same for the same seed and name."""
    chance = random.Random(seed)
    messages: list[Message] = []
    expected: dict[str, Expected] = {}
    for index in range(number):
        one = _Conversation(index, f"{name}-{index:05d}", chance, seconds, start_ns, orphan_every)
        messages += one.messages
        expected[one.external_id] = one.expected
    messages.sort(key=lambda message: message.at)
    return Load(messages, expected)


class _Conversation:
    def __init__(
        self, index: int, external_id: str, chance: random.Random, seconds: float, start_ns: int, orphan_every: int
    ) -> None:
        self.external_id = external_id
        self._index, self._start_ns = index, start_ns
        self._begins, self._lasts = chance.uniform(0, seconds * 0.6), chance.uniform(0.2, 0.4) * seconds
        self.messages: list[Message] = []
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
            sent = self._lasts + chance.uniform(0.2, 1.5) if is_late else to
            self._turn(turn, from_, to, sent, text, shows=shows)
        tools = range(1, turns, 3)
        for turn in tools:
            self._tool(turn, turn * self._lasts / turns, (turn + 0.7) * self._lasts / turns)
        self._root(b"B", "session", self._lasts - 0.05, 1, is_marked=False)
        if not is_orphan:
            self._root(b"A", "conversation", self._lasts, 0, is_marked=True)
        ended_at = None if is_orphan else self._begins + self._lasts
        self.expected = Expected(tuple(said), len(tools), ended_at)

    def _turn(self, turn: int, from_: float, to: float, sent: float, text: str, *, shows: bool) -> None:
        who = "customer" if turn % 2 else "agent"
        event = _event("roark.transcript", self._ns(from_), role=who, text=text)
        content = [field(4, self._id(b"A", 8)), field(5, "turn"), self._times(from_, to), event, self._pad()]
        content += [field(9, pair("roark.external_id", field(1, self.external_id)))] if shows else []
        self._send(sent, 0, b"A", b"turn%d" % turn, content)

    def _tool(self, turn: int, from_: float, to: float) -> None:
        event = _event("roark.tool_invocation", self._ns(from_), name="lookup", parameters=f'{{"id": {turn}}}')
        content = [field(4, self._id(b"B", 8)), field(5, "tool"), self._times(from_, to), event, self._pad()]
        self._send(to, 1, b"B", b"tool%d" % turn, content)

    def _root(self, trace: bytes, name: str, to: float, producer: int, *, is_marked: bool) -> None:
        content = [field(5, name), self._times(0, to), field(9, pair("roark.external_id", field(1, self.external_id)))]
        content += [field(9, pair("roark.conversation.root", field(2, 1)))] if is_marked else []
        self._send(to, producer, trace, b"", content, span_id=self._id(trace, 8))

    def _send(
        self, at: float, producer: int, trace: bytes, name: bytes, content: list[bytes], span_id: bytes | None = None
    ) -> None:
        trace_id = self._id(trace, 16)
        one = span(*content, trace=trace_id, span=span_id or self._id(trace + name, 8))
        value = request(one, scope=field(1, "my-agent"), resource=field(1, pair("service.name", field(1, "agent"))))
        number = (self._index + producer) % 3
        self.messages.append(Message(self._begins + at, number, trace_id.hex().encode(), value))

    def _id(self, name: bytes, size: int) -> bytes:
        return hashlib.blake2b(self.external_id.encode() + name, digest_size=size).digest()

    def _ns(self, at: float) -> int:
        return self._start_ns + int((self._begins + at) * SECOND)

    def _times(self, from_: float, to: float) -> bytes:
        return fixed64(7, self._ns(from_)) + fixed64(8, self._ns(to))

    @staticmethod
    def _pad() -> bytes:
        return field(9, pair("app.note", field(1, "x" * 200)))


def _event(name: str, at_ns: int, /, **attributes: str) -> bytes:
    pairs = b"".join(field(3, pair(key, field(1, value))) for key, value in attributes.items())
    return field(11, fixed64(1, at_ns) + field(2, name) + pairs)
