"""What a pass over rows finds of each conversation in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

from roark_otel._linking.link import NotLinkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._linking.link import Linked
    from roark_otel._model.finished import FinishedConversation


@dataclass(frozen=True, slots=True)
class Ready:
    """A conversation that has ended, or was closed.

    Args:
        conversation: What was said and done in it.
        linked: Its call, or why it has none.
        origin: Where its id came from.
        is_strong: Whether its root is marked or a framework's, so that no further one may join it.
        is_framework: Whether its root is a framework's.
        spans: The ids of its spans; None if all rows are its.
        attributes: What is said of it as a whole, if the rules ask for that.
    """

    conversation: FinishedConversation
    linked: Linked
    origin: int
    is_strong: bool
    is_framework: bool
    spans: frozenset[int] | None
    attributes: Mapping[str, object] = field(default_factory=dict[str, object])

    def parts(self) -> list[object]:
        """Returns the moments and entries of a long call, to let go of them a few at a time when it is over."""
        found: list[object] = []
        for _, moments in self.conversation.moments:
            found += moments
        if not isinstance(self.linked, NotLinkable):
            for value in self.linked.body.values():
                found += cast("list[object]", value) if isinstance(value, list) else ()
        return found


@dataclass(frozen=True, slots=True)
class Withheld:
    """A conversation that makes no call.

    Args:
        external_id: Its id, if it has one.
        reason: The counter of `Stats` to which it belongs; empty if it is not worth one.
        spans: The ids of its spans; None if all rows are its.
    """

    external_id: str | None
    reason: str
    spans: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Open:
    """A conversation that has not ended, or has said nothing yet that makes a call of it."""

    external_id: str | None


Outcome: TypeAlias = "Ready | Withheld | Open"
