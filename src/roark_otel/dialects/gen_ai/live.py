"""When customers and realtime models spoke, as the spans of a realtime session show it.

A model speaks for as long as its span lasts. A customer's speech has a span of its own, which often has no words: they
are in the history of the generation that came of it, or of a later one where the transcription took its time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel.dialects.chat import Said, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from roark_otel.dialects.chat import Span

_SHORTEST_NS: Final = 10_000_000
"""The shortest span of speech: shorter ones were made afterwards, when it was over."""


class _Heard(NamedTuple):
    start_ns: int
    end_ns: int | None
    text: str
    span_id: int


class _Spoke(NamedTuple):
    end_ns: int
    was_interrupted: bool


class Live:
    """Gathers the times of speech, in any order of spans."""

    __slots__ = ("_cut", "_heard", "_spoke")

    def __init__(self) -> None:
        self._heard: dict[int, _Heard] = {}
        self._spoke: dict[int, _Spoke] = {}
        self._cut: set[tuple[int, int]] = set()

    def heard(self, span: Span, texts: Iterable[str]) -> None:
        """A customer spoke; one that still does has no end yet."""
        known = self._heard.get(span.span_id)
        if span.end_ns is not None or known is None:
            self._heard[span.span_id] = _Heard(span.start_ns, span.end_ns, " ".join(texts), span.span_id)

    def spoke(self, span: Span, *, was_interrupted: bool) -> None:
        """A realtime model spoke."""
        if span.end_ns is not None and span.end_ns - span.start_ns >= _SHORTEST_NS:
            speech = _Spoke(span.end_ns, was_interrupted)
            self._spoke[span.start_ns] = max(speech, self._spoke.get(span.start_ns, speech))

    def cut(self, span: Span) -> None:
        """A run was interrupted: the agent had not finished with what it said last."""
        if span.end_ns is not None:
            self._cut.add((span.start_ns, span.end_ns))

    def timed(self, said: Sequence[Said]) -> list[Said]:
        """Returns what was said, in order, with the times of the speech; and what only spans of speech hold."""
        spoken = [self._as_spoken(one) for one in said if one.by_agent]
        customers = list(self._as_heard([one for one in said if not one.by_agent]))
        return [*self._interrupted(spoken), *customers]

    def _as_spoken(self, one: Said) -> Said:
        speech = self._spoke.get(one.asked_ns)
        if speech is None or one.at_ns < speech.end_ns:  # the latter is in a history only
            return one
        start_ns = one.asked_ns + one.at_ns - speech.end_ns
        interrupted = one.interrupted or speech.was_interrupted
        return one._replace(at_ns=start_ns, end_ns=speech.end_ns, interrupted=interrupted)

    def _interrupted(self, spoken: list[Said]) -> list[Said]:
        """Marks what was said last in each run that was interrupted."""
        by_start = sorted(range(len(spoken)), key=lambda at: (spoken[at].asked_ns, spoken[at].at_ns))
        starts = [spoken[at].asked_ns for at in by_start]
        for start_ns, end_ns in self._cut:
            upto = bisect_left(starts, end_ns + 1)
            if upto and starts[upto - 1] >= start_ns:
                last = by_start[upto - 1]
                spoken[last] = spoken[last]._replace(interrupted=True)
        return spoken

    def _as_heard(self, lines: list[Said]) -> Iterator[Said]:
        """Yields what customers said, each with the speech that has its words, or that it can only have come from."""
        speeches = sorted(self._heard.values(), key=lambda one: (one.start_ns, one.text))
        for speech in speeches:
            if speech.text:
                start_ns, span_id = speech.start_ns, speech.span_id
                yield Said(start_ns, False, speech.text, start_ns, end_ns=speech.end_ns, span_id=span_id)
        left = _without(in_order(lines), (one.text for one in speeches if one.text))
        wordless = [one for one in speeches if not one.text]
        starts = [one.start_ns for one in wordless]
        first = 0
        for shown_ns, group in groupby(sorted(left, key=lambda one: one.asked_ns), key=lambda one: one.asked_ns):
            several = in_order(group)
            upto = max(first, bisect_left(starts, shown_ns))
            heard = wordless[max(first, upto - len(several)) : upto]
            first = upto
            typed = len(several) - len(heard)
            yield from several[:typed]
            for one, speech in zip(several[typed:], heard, strict=True):
                yield one._replace(at_ns=speech.start_ns, end_ns=speech.end_ns)


def _without(lines: Iterable[Said], heard: Iterable[str]) -> Iterator[Said]:
    """Yields the lines without those that speech has too, each as often as it has them."""
    known: defaultdict[str, int] = defaultdict(int)
    for text in heard:
        known[_plain(text)] += 1
    for one in lines:
        if known[_plain(one.text)] > 0:
            known[_plain(one.text)] -= 1
        else:
            yield one


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
