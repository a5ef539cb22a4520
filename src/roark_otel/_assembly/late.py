"""Reads what came after a call was made, by itself: what it adds to the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._assembly.conversation import Conversation
from roark_otel._assembly.readers import Reading
from roark_otel._assembly.rows import sort_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._assembly.assemble import Rules
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.rows import Row


def assemble_late(rows: Iterable[Row], external_id: str, rules: Rules, *, is_framework: bool) -> FinishedConversation:
    """Returns a conversation with only what came late of it.

    Args:
        rows: The rows of spans that ended after the call was made.
        external_id: The call's id.
        rules: How calls are assembled.
        is_framework: Whether its root is a voice framework's: then generic dialects only repeat what that said.
    """
    found = sort_out([rows], rules.pause)
    one = Conversation(
        external_id, rows=found.rows, gaps=found.gaps, resources=found.resources, contexts=found.contexts
    )
    said = Reading(rules.routes, rules.warn, rules.count_fault, rules.pause).read(one.rows, one.resources, one.contexts)
    mute = rules.vocabulary.generic if is_framework else frozenset[str]()
    heard = tuple((name, moments) for name, moments in said if name not in mute)
    return one.finished(heard, rules.vocabulary.generic)
