"""Says which conversations lack words that they should have, and what helps.

Either someone spoke or a model answered, as a reader knows, and no span has the words; or an app gave a conversation
an id, and no dialect knows the spans in it. A conversation in which no one spoke lacks nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from roark_otel._model.moments import Agent, Customer, Fact, Moment, ToolUse, Utterance
from roark_otel._model.rows import SCOPE, SPAN
from roark_otel._model.steps import steps
from roark_otel._safety.guard import logger
from roark_otel._safety.log_ids import log_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._assembly.conversation import Conversation
    from roark_otel._model.steps import Pause
    from roark_otel._model.vocabulary import Vocabulary

MAX_SCOPES: Final = 8
"""The most scopes that are named."""

UNKNOWN: Final = "unknown"

_SIDES: Final[dict[str, type]] = {"wordless_agent": Agent, "wordless_customer": Customer}
_OWN: Final = "roark_otel"
_OF_LIBRARIES: Final = "opentelemetry.instrumentation."
"""What the scopes of OpenTelemetry's instrumentations of servers, clients and databases begin with."""

_WARNING: Final = (
    "roark_otel found no words of %s in a conversation, so its transcript lacks them (scopes of its spans: %s; "
    "external_id=%s): %s"
)
_UNKNOWN_CURE: Final = (
    "no dialect reads these spans: write one (examples/own_dialect.py), or put roark.transcript events on them"
)

Said: TypeAlias = "tuple[tuple[str, tuple[Moment, ...]], ...]"
"""What each dialect says, the highest first."""


class MissingWords(NamedTuple):
    """A conversation that lacks words.

    Args:
        why: `content`: its instrumentation hides them; `realtime`: a speech-to-speech model leaves them out;
            `unknown`: no dialect knows its spans.
        who: Whose words are missing.
        scopes: Some of the scopes of its spans, in order.
        cure: What helps.
        external_id: Its id.
    """

    why: str
    who: str
    scopes: tuple[str, ...]
    cure: str
    external_id: str | None


def missing_words(one: Conversation, said: Said, vocabulary: Vocabulary, pause: Pause) -> MissingWords | None:
    """Returns what words a conversation lacks; None if it lacks none that it could have."""
    speakers: set[type] = set()
    wordless: set[tuple[str, str, type]] = set()
    is_used = False
    for name, moments in said:
        for step in steps(moments, pause):  # no calls in here, because this runs for each moment
            kinds = set(map(type, step))
            if Utterance in kinds:
                speakers |= {type(one.speaker) for one in step if type(one) is Utterance}
            is_used = is_used or ToolUse in kinds
            if Fact in kinds:
                wordless |= {
                    (str(one.value), name, _SIDES[one.name]) for one in step if type(one) is Fact and one.name in _SIDES
                }
    # Conventions that any framework may use only repeat what a voice framework says with words.
    lacking = {
        (why, name)
        for why, name, side in wordless
        if side not in speakers and not (speakers and name in vocabulary.generic)
    }
    if lacking:
        why = min(lacking)[0]
        cures = sorted({vocabulary.cures.get((name, each), "") for each, name in lacking if each == why} - {""})
        who = "anybody" if not speakers else "the customer" if Agent in speakers else "the agent"
        return MissingWords(why, who, _named({row[SCOPE] for row in one.rows}), "; ".join(cures), one.external_id)
    unknown = () if speakers or is_used else _named(_unknown(one, vocabulary))
    return MissingWords(UNKNOWN, "anybody", unknown, _UNKNOWN_CURE, one.external_id) if unknown else None


def warn_of_each_kind() -> Callable[[MissingWords], None]:
    """Returns what warns of conversations that lack words, once of each reason: all calls of an app lack the same."""
    warned: set[str] = set()

    def warn(found: MissingWords) -> None:
        if found.why not in warned:
            warned.add(found.why)
            logger.warning(_WARNING, found.who, ", ".join(found.scopes), log_id(found.external_id), found.cure)

    return warn


def _named(scopes: set[str]) -> tuple[str, ...]:
    return tuple(sorted(scope for scope in scopes if scope and not scope.startswith(_OWN))[:MAX_SCOPES])


def _unknown(one: Conversation, vocabulary: Vocabulary) -> set[str]:
    """Returns the scopes of spans below the roots that no dialect knows; none if a voice framework's are among them.

    An app's own spans around requests and queries are not a voice framework.
    """
    if any(row[SCOPE] in vocabulary.own_scopes for row in one.rows):
        return set()
    roots = {root.span_id for root in one.roots}
    found = {row[SCOPE] for row in one.rows if row[SPAN] not in roots} - {root.row[SCOPE] for root in one.roots}
    return {scope for scope in found if not scope.startswith(_OF_LIBRARIES)}
