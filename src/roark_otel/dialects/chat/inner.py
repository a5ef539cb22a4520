"""Models that are asked within a turn and answer a program: a router, a judge, an extractor, or what a tool asks.

What they answer is not speech. What they are asked with is what the customer said, or a prompt around it; what a tool
asks is neither.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from roark_otel.dialects.chat.recital import CUSTOMER, Recital

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.chat.transcript import Transcript

_NEVER_NS: Final = 1 << 63

_AROUND: Final = 4
"""The most of the customer's lines before and after a question that it may be a prompt around."""

_LONG: Final = 8
"""The fewest characters of a line that stands in another one by no accident."""

_QUOTING: Final = frozenset(":\"'`>\n“«")
"""The characters after which a prompt quotes a short line."""


class Inner:
    """Gathers the questions, in any order of spans."""

    __slots__ = ("_asked",)

    def __init__(self) -> None:
        self._asked: dict[tuple[int, str], int] = {}

    def ask(self, start_ns: int, recital: Recital, span_id: int) -> None:
        """Notes that such a model was asked, by a span, with a history that was read to its end."""
        if recital.last and recital.last[0] == CUSTOMER:
            self._asked.setdefault((start_ns, recital.last), span_id)

    def add_to(self, transcript: Transcript) -> None:
        """Adds to a transcript what only these models show of the customer; it has everything else."""
        if not self._asked:
            return
        lines = transcript.customer_lines()
        for (start_ns, line), span_id in sorted(self._asked.items()):
            if not any(_quotes(line[1:], other[1:]) for other in _near(lines, start_ns)):
                transcript.ask(start_ns, Recital(), [line], span_id)
        self._asked.clear()


class BelowTools:
    """Knows which spans a tool caused: those below its span, at any depth, that began while it ran.

    Some frameworks leave the span of a tool current for longer than it runs. Spans come in the order of their starts.
    """

    __slots__ = ("_until_ns",)

    def __init__(self) -> None:
        self._until_ns: dict[int, int] = {}

    def ran(self, span: SpanView) -> None:
        """Notes the span of a tool."""
        self._until_ns[span.span_id] = _NEVER_NS if span.end_ns is None else span.end_ns

    def has(self, span: SpanView) -> bool:
        """Takes in a span, and returns whether a tool caused it."""
        until_ns = self._until_ns.get(span.parent_id or 0, 0)
        if span.start_ns < until_ns:
            self._until_ns[span.span_id] = until_ns
        return span.start_ns < until_ns


def _near(lines: Sequence[tuple[int, str]], at_ns: int) -> Iterator[str]:
    upto = bisect_left(lines, (at_ns, ""))
    return (line for _, line in lines[max(0, upto - _AROUND) : upto + _AROUND])


def _quotes(prompt: str, line: str) -> bool:
    """Whether a prompt was made around a line."""
    before, found, after = prompt.partition(line)
    if not found or before[-1:].isalnum() or after[:1].isalnum():
        return False
    return (len(line) >= _LONG and prompt != line) or before.rstrip(" ")[-1:] in _QUOTING
