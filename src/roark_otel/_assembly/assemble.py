"""Assembles calls: one pure function from the rows of spans to calls, or why there is none.

The same function makes the call of a conversation that has ended, one that is written while it is still open, and those
of a file. The same rows in any order give the same calls, and a row twice is a row once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel._assembly.missing_words import missing_words
from roark_otel._assembly.outcomes import Open, Outcome, Ready, Withheld
from roark_otel._assembly.ownership import conversations_of
from roark_otel._assembly.readers import Reading
from roark_otel._assembly.rows import sort_out
from roark_otel._linking.careful import link_carefully
from roark_otel._linking.link import NotLinkable
from roark_otel._model.moments import Fact
from roark_otel._model.rows import Origin, Strength
from roark_otel._model.steps import no_pause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel._assembly.conversation import Conversation
    from roark_otel._assembly.missing_words import MissingWords, Said
    from roark_otel._assembly.routes import Routes
    from roark_otel._linking.defaults import Defaults
    from roark_otel._model.dialect import Warn
    from roark_otel._model.rows import Row
    from roark_otel._model.steps import Pause
    from roark_otel._model.vocabulary import Vocabulary
    from roark_otel._privacy.redaction import Redaction


@dataclass(frozen=True, slots=True)
class Rules:
    """What of an app's settings decides how calls are assembled.

    Args:
        vocabulary: What the dialects know together.
        routes: Which dialects read what.
        defaults: What a call has where its spans do not set it.
        redaction: What of a call may be sent.
        auto_ids: Whether a voice framework's conversation without an id gets one.
        warn: Reports something on a span that a reader could not read.
        count_fault: Counts a reader that raised.
        pause: Called after every few spans and entries, so that other threads may run.
        report_missing: Reports a conversation that has ended and lacks words that it should have.
        with_attributes: Whether outcomes have the attributes of their conversations.
    """

    vocabulary: Vocabulary
    routes: Routes
    defaults: Defaults
    redaction: Redaction
    auto_ids: bool
    warn: Warn
    count_fault: Callable[[], None]
    pause: Pause = no_pause
    report_missing: Callable[[MissingWords], None] = lambda _: None
    with_attributes: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of spans that are not among the rows.

    Args:
        crowded: Traces that show other ids or roots: what has no id there inherits none.
        taken_resource_ids: Ids of resources that name another conversation.
        closing: Whether conversations that have not ended are closed, as incomplete.
    """

    crowded: frozenset[int] = frozenset()
    taken_resource_ids: frozenset[str] = frozenset()
    closing: bool = False


ALONE = Surroundings()


def assemble(batches: Iterable[Iterable[Row]], rules: Rules, around: Surroundings = ALONE) -> list[Outcome]:
    """Assembles the calls of the conversations in these rows.

    Args:
        batches: Rows in any order, a batch at a time; one of a resource holds for those that follow it.
        rules: How calls are assembled.
        around: What is known of other spans.

    Returns:
        What was found of each conversation, in no particular order.
    """
    found = sort_out(batches, rules.pause)
    several = conversations_of(found, rules.vocabulary, around.crowded, around.taken_resource_ids, rules.pause)
    is_shared = len(several) > 1
    outcomes = [_outcome(one, rules, around, is_shared=is_shared) for one in several]
    found.let_go(rules.pause)
    return outcomes


def _outcome(one: Conversation, rules: Rules, around: Surroundings, *, is_shared: bool) -> Outcome:
    if not (one.has_ended or around.closing):
        return Open(one.external_id)
    spans = one.span_ids() if is_shared else None
    if one.is_fragment and one.strong_root is None:
        return Withheld(None, "fragments", spans)
    if one.external_id is None and not (one.strong_root and rules.auto_ids):
        return _unnamed(one, rules, spans)
    said = _read(one, rules)
    if one.external_id is None:
        if _resource_id(one, rules) is not None:
            return Withheld(None, "second_roots", spans)
        one.named(_own_id(one, said), Origin.AUTO)
    if one.strong_root is None and not _says_something(said):
        # A webhook that carried the id first must not send an empty call.
        if not around.closing:
            return Open(one.external_id)
        _report_missing(one, said, rules)
        return Withheld(one.external_id, "dropped_conversations" if one.lost else "empty", spans)
    conversation = one.finished(said, rules.vocabulary.generic)
    linked = link_carefully(conversation, rules.defaults, rules.redaction, rules.pause, rules.count_fault)
    if not isinstance(linked, NotLinkable):
        _report_missing(one, said, rules)
    root = one.strong_root
    return Ready(
        conversation=conversation,
        linked=linked,
        origin=one.origin,
        is_strong=root is not None,
        is_framework=root is not None and root.strength == Strength.DIALECT,
        spans=spans,
        attributes=one.attributes() if rules.with_attributes else {},
    )


def _report_missing(one: Conversation, said: Said, rules: Rules) -> None:
    """Reports a conversation without the words that it should have: one that goes on may still get them."""
    if not one.has_ended or one.lost:
        return
    if (missing := missing_words(one, said, rules.vocabulary, rules.pause)) is not None:
        rules.report_missing(missing)


def _unnamed(one: Conversation, rules: Rules, spans: frozenset[int] | None) -> Outcome:
    """Returns why a conversation without an id makes no call, where one might be expected."""
    if one.strong_root is None and not _says_something(_read(one, rules)):
        return Withheld(None, "", spans)
    if _resource_id(one, rules) is not None:
        return Withheld(None, "second_roots", spans)
    if one.is_fragment:
        return Withheld(None, "fragments", spans)
    return Withheld(None, "no_id" if one.strong_root else "unattributed", spans)


def _resource_id(one: Conversation, rules: Rules) -> object:
    return rules.vocabulary.external_id(one.resource)


def _read(one: Conversation, rules: Rules) -> Said:
    reading = Reading(rules.routes, rules.warn, rules.count_fault, rules.pause)
    return reading.read(one.rows, one.resources, one.contexts)


def _own_id(one: Conversation, said: Said) -> str:
    """Returns an id for a conversation without one: its framework's own id of it, else its trace id."""
    facts = (each for _, moments in said for each in moments if isinstance(each, Fact))
    own = (fact.value for fact in facts if fact.name == "own_id")
    return next((value for value in own if isinstance(value, str)), f"{next(iter(one.traces), 0):032x}")


def _says_something(said: Said) -> bool:
    return any(not isinstance(one, Fact) for _, moments in said for one in moments)
