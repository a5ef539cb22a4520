"""Merges the moments of several dialects: of those that report the same, the highest dialect wins.

1. A voice framework's own words, and the app's, outrank those of generic conventions, which repeat them.
2. Tool uses with one call id are one use. Without an id on one side, so are two of the same name that overlap in time,
   reported by different dialects, if their arguments are equal or one lies within the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roark_otel._linking.timeline import in_order, with_ends
from roark_otel._model.moments import Agent, ToolUse, Unanswered, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._model.finished import FinishedConversation

ECHO_NS = 2_000_000_000
"""The longest that two dialects may disagree about the start of an utterance, in ns."""


def utterances(conversation: FinishedConversation) -> list[Utterance]:
    """Returns the utterances in order, each once and with an end."""
    heard: list[Utterance] = []
    for name, moments in conversation.moments:
        if heard and name in conversation.generic:
            continue
        known = tuple(heard)
        said = [one for one in moments if isinstance(one, Utterance)]
        heard += [one for one in said if not any(_is_echo(one, other) for other in known)]
    return with_ends(in_order(heard), conversation.ended_ns)


def _is_echo(one: Utterance, other: Utterance) -> bool:
    return (
        type(one.speaker) is type(other.speaker)
        and one.text.split() == other.text.split()
        and abs(one.start_ns - other.start_ns) <= ECHO_NS
    )


def tool_uses(conversation: FinishedConversation) -> list[ToolUse]:
    """Returns the tool uses in order, each once, with the values of the highest dialect that has them."""
    merged: list[ToolUse] = []
    for _, moments in conversation.moments:
        # A dialect reports each of its uses once, so each matches at most one use of the higher dialects.
        known = dict(enumerate(merged))
        for use in _by_call_id(one for one in moments if isinstance(one, ToolUse)):
            same = [index for index, other in known.items() if _is_same(other, use)]
            if not same:
                merged.append(use)
                continue
            # Of two at once, the one with the same arguments is meant: the other has another result.
            best = next((index for index in same if known[index].parameters == use.parameters), same[0])
            merged[best] = joined(known.pop(best), use)
    return in_order(replace(use, name=use.name or "unknown") for use in merged)


def _by_call_id(uses: Iterable[ToolUse]) -> list[ToolUse]:
    """Joins the uses of one dialect that have the same id, and leaves all others as they are."""
    found: dict[object, ToolUse] = {}
    for use in in_order(uses):
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
