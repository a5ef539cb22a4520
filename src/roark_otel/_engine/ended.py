"""What a pass over a group found, small enough to be kept until the group is finished without another pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from roark_otel._engine.written import Written
from roark_otel._model.steps import free
from roark_otel._open.group import Made
from roark_otel._open.verdicts import Over
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel._assembly.assemble import Rules
    from roark_otel._assembly.outcomes import Outcome, Ready
    from roark_otel._engine.calls import Calls
    from roark_otel._linking.link import Linked, NotLinkable
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.rows import Row
    from roark_otel._model.steps import Pause

MAX_KEPT_BYTES: Final = 16 * 1024 * 1024
"""The most bytes of calls that are kept for that."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A conversation that has ended, with its call or why it has none.

    Args:
        made: What is remembered of the call.
        spans: The ids of its spans; None if all rows of the group are its.
        origin: Where its id came from.
        is_strong: Whether its root is marked or a framework's.
        call: Its call.
    """

    made: Made
    spans: frozenset[int] | None
    origin: int
    is_strong: bool
    call: Written | NotLinkable

    @classmethod
    def of(cls, ready: Ready, conversation: FinishedConversation, calls: Calls) -> Ended:
        """Makes it of what a pass found. `conversation`: under the name that its call has in the spool."""
        made = Made(
            conversation.external_id,
            conversation.trace_id,
            conversation.root_span_id,
            conversation.file_span_id,
            conversation.started_ns,
            ready.is_framework,
        )
        call = calls.written(conversation, ready.linked)
        return cls(made, ready.spans, ready.origin, ready.is_strong, call)

    def over(self, *, rests: bool, waits: bool) -> Over:
        """Returns the verdict. `waits`: whether what comes late may still go into the call."""
        return Over(self.spans, self.made.external_id, self.origin, rests, self.made._replace(waits=waits))

    @property
    def size(self) -> int:
        """The bytes of its call."""
        return len(self.call.body) if isinstance(self.call, Written) else 0


def as_it_was(late: FinishedConversation, made: Made) -> FinishedConversation:
    """Returns the conversation as it was when its call was made, with the moments that came late only."""
    return replace(
        late,
        trace_id=made.trace_id,
        root_span_id=made.root_span_id,
        file_span_id=made.file_span_id,
        started_ns=made.started_ns,
    )


@guarded(None)
def read_again(batches: Iterable[list[Row]], made: Made, rules: Rules, crowded: frozenset[int]) -> Linked | None:
    """Reads all rows of a call. Returns what it is with those that came late; None if it is not the same call."""
    from roark_otel._assembly.assemble import Surroundings, assemble
    from roark_otel._assembly.outcomes import Ready

    for outcome in assemble(batches, rules, Surroundings(crowded, closing=True)):
        if isinstance(outcome, Ready) and _is_made_of(outcome.conversation, made):
            return outcome.linked
    return None


def _is_made_of(conversation: FinishedConversation, made: Made) -> bool:
    """Returns whether a conversation is the one that a call was made of."""
    return (conversation.external_id, conversation.root_span_id, conversation.started_ns) == (
        made.external_id,
        made.root_span_id,
        made.started_ns,
    )


def let_go(outcomes: list[Outcome], pause: Pause) -> None:
    """Frees what a pass has made a little at a time: a long call holds the interpreter for as long as it takes."""
    from roark_otel._assembly.outcomes import Ready

    parts = [outcome.parts() for outcome in outcomes if isinstance(outcome, Ready)]
    outcomes.clear()
    for several in parts:
        free(several, pause)


class KeptEnds:
    """The conversations that were saved when their roots ended, by the numbers of their groups."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[object, Sequence[Ended]]] = {}
        self._bytes = 0

    def __contains__(self, number: int) -> bool:
        """Returns whether something of a group is kept, in whatever state that is by now."""
        return number in self._kept

    def keep(self, number: int, state: object, ended: Sequence[Ended]) -> None:
        """Keeps what was found of a group in this state, if there is room for it."""
        self.take(number, None)
        size = sum(one.size for one in ended)
        if self._bytes + size <= MAX_KEPT_BYTES:
            self._kept[number] = state, ended
            self._bytes += size

    def take(self, number: int, state: object) -> Sequence[Ended]:
        """Returns what was found of a group, and lets go of it; nothing if the group is in another state by now."""
        known, ended = self._kept.pop(number, (None, ()))
        self._bytes -= sum(one.size for one in ended)
        return ended if known is not None and known == state else ()
