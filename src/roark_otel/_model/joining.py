"""Whether a span that is a root, or has an id, is part of the conversation around it."""

from __future__ import annotations

from roark_otel._model.rows import Strength


def joins(around_id: object, around_strength: int | None, own_id: object, strength: int | None) -> bool:
    """Returns whether a span is part of the conversation that its nearest ancestor belongs to.

    Args:
        around_id: The id of that conversation, as far as it is known.
        around_strength: What makes one of its spans a root; None if nothing does.
        own_id: The id of the span.
        strength: What makes the span a root; None if nothing does.
    """
    if around_id is None and around_strength is None:
        return False  # it only waits for an owner itself
    if strength is not None and around_strength is not None:
        # A framework's root below a marked one is part of that conversation, below a framework's it is another.
        return strength != Strength.MARKED and around_strength != Strength.DIALECT
    return own_id is None or around_id is None or own_id == around_id
