"""Merges the moments of several dialects: of those that report the same, the highest dialect wins.

1. A voice framework's own words, and the app's, outrank those of generic conventions, which repeat them.
2. Tool uses with one call id are one use. Without an id on one side, so are two of the same name that overlap in time,
   reported by different dialects, if their arguments are equal or one lies within the other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from roark_otel._linking.ordering import in_order
from roark_otel._model.moments import Agent, Fact, ToolUse, Unanswered, Utterance
from roark_otel._model.steps import in_steps, steps

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
    merged: list[ToolUse] = []
    for report in several:
        if not merged or not report.used:
            merged += _by_call_id(report.used, pause) if report.used else ()
            continue
        known = _Known(merged)
        for use in in_steps(_by_call_id(report.used, pause), pause):
            index = known.take(use)
            if index is None:
                merged.append(use)
            else:
                merged[index] = joined(merged[index], use)
    return in_order([use if use.name else replace(use, name="unknown") for use in merged])


class _Known:
    """The uses of the higher dialects. A dialect reports each of its uses once, so each of these matches at most once.

    Args:
        uses: The uses, in order.
    """

    def __init__(self, uses: Iterable[ToolUse]) -> None:
        self._left = dict(enumerate(uses))
        self._with_id: defaultdict[str, list[int]] = defaultdict(list)
        self._without_id: defaultdict[str, list[int]] = defaultdict(list)
        self._named: defaultdict[str, list[int]] = defaultdict(list)
        for index, use in self._left.items():
            self._named[use.name].append(index)
            if use.call_id is None:
                self._without_id[use.name].append(index)
            else:
                self._with_id[use.call_id].append(index)

    def take(self, use: ToolUse) -> int | None:
        """Takes out the use that this one reports again, and returns its index; None if there is none."""
        same = [index for index in self._candidates(use) if index in self._left and _is_same(self._left[index], use)]
        if not same:
            return None
        # Of two at once, the one with the same arguments is meant: the other has another result.
        best = next((index for index in same if self._left[index].parameters == use.parameters), same[0])
        del self._left[best]
        return best

    def _candidates(self, use: ToolUse) -> Iterable[int]:
        if use.call_id is None:
            return self._named.get(use.name, ())
        return sorted([*self._with_id.get(use.call_id, ()), *self._without_id.get(use.name, ())])


def _by_call_id(uses: Iterable[ToolUse], pause: Pause) -> list[ToolUse]:
    """Joins the uses of one dialect that have the same id, and leaves all others as they are."""
    found: dict[object, ToolUse] = {}
    for use in in_steps(in_order(uses), pause):
        key: object = use.call_id if use.call_id is not None else object()
        found[key] = joined(found[key], use) if key in found else use
    return list(found.values())


def _is_same(known: ToolUse, use: ToolUse) -> bool:
    if known.call_id is not None and use.call_id is not None:
        return known.call_id == use.call_id
    if known.name != use.name:
        return False
    known_end, use_end = known.end_ns or known.start_ns, use.end_ns or use.start_ns
    if use.start_ns > known_end or known.start_ns > use_end:
        return False
    within = known.start_ns <= use.start_ns and use_end <= known_end
    return within or known.parameters == use.parameters


def joined(one: ToolUse, other: ToolUse) -> ToolUse:
    """Joins two reports of one use: the values of the first, and those of the second where the first has none."""
    return replace(
        one,
        name=one.name or other.name,
        end_ns=other.end_ns if one.end_ns is None else one.end_ns,
        parameters=one.parameters or other.parameters,
        outcome=other.outcome if isinstance(one.outcome, Unanswered) else one.outcome,
        call_id=one.call_id or other.call_id,
        description=one.description or other.description,
        agent=other.agent if one.agent == Agent() else one.agent,
    )
