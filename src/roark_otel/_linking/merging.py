"""Merges the moments of several dialects: of those that report the same, the highest dialect wins.

1. A voice framework's own words, and the app's, outrank those of generic conventions, which repeat them.
2. What one dialect reports of a tool use in halves is joined (`tool_uses`), and what another one repeats of it fills in
   what is missing (`repeated_uses`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel._linking.ordering import in_order
from roark_otel._model.moments import Fact, ToolUse, Utterance
from roark_otel._model.repeated_uses import repeats
from roark_otel._model.steps import in_steps, steps
from roark_otel._model.tool_uses import Half, joined, uses_of_halves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.steps import Pause

ECHO_NS = 2_000_000_000
"""The longest that two dialects may disagree about the start of an utterance, in ns."""


@dataclass(frozen=True, slots=True)
class Report:
    """The moments of one dialect, by their kind."""

    is_generic: bool
    said: Sequence[Utterance]
    used: Sequence[ToolUse]
    facts: Sequence[Fact]


def reports(conversation: FinishedConversation, pause: Pause) -> list[Report]:
    """Sorts out what each dialect reports, the highest first."""
    found: list[Report] = []
    for name, moments in conversation.moments:
        said: list[Utterance] = []
        used: list[ToolUse] = []
        facts: list[Fact] = []
        for step in steps(moments, pause):
            if {Utterance}.issuperset(map(type, step)):  # as most are, without a look at each
                said += cast("tuple[Utterance, ...]", step)
                continue
            for one in step:
                if isinstance(one, Utterance):
                    said.append(one)
                elif isinstance(one, ToolUse):
                    used.append(one)
                else:
                    facts.append(one)
        found.append(Report(name in conversation.generic, said, used, facts))
    return found


def utterances(several: Iterable[Report], pause: Pause) -> list[Utterance]:
    """Returns the utterances in order, each once."""
    heard: list[Utterance] = []
    for report in several:
        if not heard:
            heard += report.said
        elif report.said and not report.is_generic:
            heard += list(_without_echoes(report.said, heard, pause))
    return in_order(heard)


def _without_echoes(said: Iterable[Utterance], heard: Iterable[Utterance], pause: Pause) -> Iterator[Utterance]:
    """Yields what was not heard before: an echo has the same side and words, at about the same time."""
    starts: defaultdict[tuple[type, str], list[int]] = defaultdict(list)
    for one in in_steps(in_order(heard), pause):
        starts[_words(one)].append(one.start_ns)
    for one in in_steps(said, pause):
        known = starts.get(_words(one), ())
        nearest = bisect_left(known, one.start_ns - ECHO_NS)
        if nearest == len(known) or known[nearest] > one.start_ns + ECHO_NS:
            yield one


def _words(one: Utterance) -> tuple[type, str]:
    return type(one.speaker), " ".join(one.text.split())


def tool_uses(several: Iterable[Report], pause: Pause) -> list[ToolUse]:
    """Returns the tool uses in order, each once, with the values of the highest dialect that has them."""
    merged: list[_Merged] = []
    for report in several:
        if not report.used:
            continue
        halves = [Half(use, is_result=not use.name) for use in in_order(report.used)]
        uses = in_order(uses_of_halves(halves, pause))
        merged.sort(key=lambda one: one.as_reported.start_ns)
        same = repeats([one.as_reported for one in merged], uses, pause)
        for index, known in same.items():
            merged[known] = merged[known].joined(uses[index])
        merged += [_Merged(use, use) for index, use in enumerate(uses) if index not in same]
    found = [one.use for one in merged]
    return in_order([use if use.name else replace(use, name="unknown") for use in found])


class _Merged(NamedTuple):
    """A use, and what all that report it say together, at all times at which they say that it was."""

    use: ToolUse
    as_reported: ToolUse

    def joined(self, use: ToolUse) -> _Merged:
        """The same with a further report of it."""
        ends_ns = [end_ns for end_ns in (self.as_reported.end_ns, use.end_ns) if end_ns is not None]
        start_ns = min(self.as_reported.start_ns, use.start_ns)
        known = replace(joined(self.as_reported, use), start_ns=start_ns, end_ns=max(ends_ns) if ends_ns else None)
        return _Merged(joined(self.use, use), known)
