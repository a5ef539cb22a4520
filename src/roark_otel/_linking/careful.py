"""Links a conversation without the moments that cannot be linked: the call is worth more than one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from roark_otel._linking.link import Linked, link
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roark_otel._linking.defaults import Defaults
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.moments import Moment
    from roark_otel._model.steps import Pause
    from roark_otel._privacy.redaction import Redaction


class Fault:
    """Linking raised."""


_FAULT: Final = Fault()

_link = guarded(_FAULT)(link)


def link_carefully(
    conversation: FinishedConversation,
    defaults: Defaults,
    redaction: Redaction,
    pause: Pause,
    count_fault: Callable[[], None],
) -> Linked:
    """Makes the call of a finished conversation, without the moments of which none can be made.

    `count_fault`: called for each of them, and once if that does not help: then the call has no moments at all.
    """
    found = _link(conversation, defaults, redaction, pause)
    if not isinstance(found, Fault):
        return found

    def is_sound(name: str, moments: Sequence[Moment]) -> bool:
        part = replace(conversation, moments=((name, tuple(moments)),))
        return not isinstance(_link(part, defaults, redaction, pause), Fault)

    def sound(name: str, moments: Sequence[Moment]) -> list[Moment]:
        if is_sound(name, moments):
            return list(moments)
        if len(moments) == 1:
            count_fault()
            return []
        half = len(moments) // 2
        return [*sound(name, moments[:half]), *sound(name, moments[half:])]

    kept = tuple((name, tuple(sound(name, moments))) for name, moments in conversation.moments if moments)
    found = _link(replace(conversation, moments=kept), defaults, redaction, pause)
    if not isinstance(found, Fault):
        return found
    count_fault()
    return link(replace(conversation, moments=()), defaults, redaction, pause)
