"""How long the customer waited for each answer of the agent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, overload

from roark_otel.pages.outline import answers
from roark_otel.pages.values import end, entries, start, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from roark_otel.testing.spans import SeenSpan

_BAR: Final = 40
"""The characters in which a wait is drawn."""

_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the agent.

    Attributes:
        ms: How long the customer waited, in ms, from the end of what was said to the start of the answer.
        question: What the customer said.
        answer: What the agent said first.
        start_ms: When the wait began, in ms from the start of the call.
    """

    ms: int
    question: str
    answer: str
    start_ms: int


class Answers(Sequence[Answer]):
    """The answers of one call, in their order.

    Args:
        body: The call as posted.
        spans: The spans of its trace.
        started_ns: When the call started, in nanoseconds since the epoch.
    """

    def __init__(self, body: Mapping[str, Any], spans: Sequence[SeenSpan] = (), started_ns: int = 0) -> None:
        self._all = tuple(
            Answer(ms, text(asked, "text"), text(said, "text"), end(asked)) for asked, said, ms in answers(body)
        )
        self._body = body
        self._spans = spans
        self._started_ns = started_ns

    @overload
    def __getitem__(self, index: int) -> Answer: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Answer]: ...

    def __getitem__(self, index: int | slice) -> Answer | Sequence[Answer]:
        """Returns one of them, or several."""
        return self._all[index]

    def __len__(self) -> int:
        """How many answers were measured."""
        return len(self._all)

    def __repr__(self) -> str:
        """Lists the waits."""
        return f"<Answers: {', '.join(f'{one.ms} ms' for one in self._all) or 'none measured'}>"

    def within(self, *, ms: int) -> None:
        """Checks that each answer began in time.

        Args:
            ms: The longest that a customer may wait, in ms.

        Raises:
            AssertionError: if one took longer, with what ran in the meantime; or if none was measured.
            ValueError: if `ms` is no time: no answer would be longer than NaN.
        """
        __tracebackhide__ = True
        if math.isnan(ms) or ms < 0:
            raise ValueError(f"ms must be a time, 0 or more, and is {ms}")
        if not self._all:
            raise AssertionError(
                "no answer was measured: none follows words of the customer whose end is known "
                "(end_time= of customer_said(), duration_ms of an event, or what the framework measures)"
            )
        slow = [one for one in self._all if one.ms > ms]
        if slow:
            answers = "answer" if len(self._all) == 1 else "answers"
            head = f"{len(slow)} of {len(self._all)} {answers} took more than {ms} ms"
            raise AssertionError("\n".join([head, *self._why(slow)]))

    def _why(self, slow: Sequence[Answer]) -> list[str]:
        lines: list[str] = []
        for one in slow:
            lines += ["", f"  customer: {one.question}", f"  agent after {one.ms} ms: {one.answer}"]
            lines += [f"    {line}" for line in self._waterfall(one)]
        return lines

    def _waterfall(self, one: Answer) -> list[str]:
        """Draws the spans and tools that ran while the customer waited, one below the other."""
        began, over = one.start_ms, one.start_ms + one.ms
        rows = [(start(use), end(use), f"tool {text(use, 'name')}") for use in entries(self._body, "toolInvocations")]
        for span in self._spans:
            if span.is_ours:
                continue
            first, last = (span.start_ns - self._started_ns) // _MS, (span.end_ns - self._started_ns) // _MS
            rows.append((first, last, f"{span.name} ({span.scope})" if span.scope else span.name))
        inside = sorted((a, b, name) for a, b, name in rows if a < over and b > began and not (a < began and b > over))
        if not inside:
            return ["no span shows what ran in the meantime"]
        return [_drawn(max(a, began) - began, min(b, over) - began, one.ms, name) for a, b, name in inside[:20]]


def _drawn(first: int, last: int, whole: int, name: str) -> str:
    left = first * _BAR // whole
    size = max(1, (last - first) * _BAR // whole)
    bar = (" " * left + "#" * size)[:_BAR].ljust(_BAR)
    return f"|{bar}| {last - first:5} ms  {name}"
