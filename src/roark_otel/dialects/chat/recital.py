"""Lists of messages as they are read, line by line, and what comes of reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from roark_otel.dialects.chat.pairing import Pairing
from roark_otel.dialects.chat.shapes import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.chat.shapes import Message

CUSTOMER = "C"
AGENT = "A"
"""A line is one of these letters and the words."""

_LETTERS = {Role.AGENT: AGENT, Role.CUSTOMER: CUSTOMER}
_MAX_NS = 1 << 63


class Span(NamedTuple):
    """Which span says something, and when it was; one without an end is still open."""

    span_id: int
    start_ns: int
    end_ns: int | None


class Said(NamedTuple):
    """One thing that was said.

    `asked_ns`: when the model was asked for it. `end_ns`: when the speech ended, where that was measured. `span_id`:
    that of the span that has the words, 0 if it is not known.
    """

    at_ns: int
    by_agent: bool
    text: str
    asked_ns: int
    agent: str | None = None
    interrupted: bool = False
    end_ns: int | None = None
    language: str | None = None
    span_id: int = 0


def in_order(said: Iterable[Said]) -> list[Said]:
    """What was said in the order of time."""
    return sorted(said, key=lambda one: (*one[:4], one.agent or "", one.interrupted))


def has_times(span: SpanView) -> bool:
    """Whether the times of a span are nanoseconds since the epoch; an app may have passed anything."""
    return 0 <= span.start_ns < _MAX_NS and (span.end_ns is None or 0 <= span.end_ns < _MAX_NS)


def as_span(span: SpanView) -> Span:
    """When a span was, its end not before its start."""
    return Span(span.span_id, span.start_ns, None if span.end_ns is None else max(span.start_ns, span.end_ns))


def lines(messages: Iterable[Message]) -> list[str]:
    """What messages say, one line for each that an agent or a customer says."""
    return [_LETTERS[one.role] + one.text for one in messages if one.text and one.role in _LETTERS]


def squeezed(line: str) -> str:
    """Returns a line with one blank between words: one and the same line may be written in several ways."""
    return line if "  " not in line and line.isprintable() else line[0] + " ".join(line[1:].split())


def texts(messages: Iterable[Message]) -> list[str]:
    """The words of an answer's messages, whatever role they bear; those of tools and systems are not an answer."""
    return [one.text for one in messages if one.text and one.role not in {Role.TOOL, Role.SYSTEM}]


class Recital:
    """A list of messages as far as it was read: how often each line stands in it, and what it is known by.

    `before`: what it was known by before its last line.
    """

    __slots__ = ("_tools", "before", "counts", "digest", "has_agent", "last", "length")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.before: int = 0
        self.digest: int = 0
        self.has_agent: bool = False
        self.last: str | None = None
        self.length: int = 0
        self._tools: Pairing | None = None

    @property
    def tools(self) -> Pairing:
        """The calls of tools in it, and their answers."""
        if self._tools is None:
            self._tools = Pairing()
        return self._tools

    def copy(self) -> Recital:
        """The same as far as it was read; it may go on in another way."""
        other = Recital()
        other.counts, other.before = self.counts.copy(), self.before
        other.digest, other.has_agent, other.last, other.length = self.digest, self.has_agent, self.last, self.length
        other._tools = None if self._tools is None else self._tools.copy()
        return other

    def read(self, lines: Iterable[str]) -> None:
        """Adds several lines."""
        for line in lines:
            self.add(line)

    def add(self, line: str) -> int:
        """Adds one more line. Returns how often it stands in the list by now."""
        line = squeezed(line)
        self.before = self.digest
        found = self.counts[line] = self.counts.get(line, 0) + 1
        self.digest = hash((self.digest, line))
        self.has_agent = self.has_agent or line[0] == AGENT
        self.last = line
        self.length += 1
        return found
