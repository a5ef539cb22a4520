"""When the conversations of a group are due to be read. Pure.

A conversation is due

- `settle` seconds after its last span, if a marked or a framework's root has come,
- the quiet time after the last span of one that only shows its id,
- the idle time after the last span of anything else, and of a conversation that lacks a parent in its own process.

All spans that come have ended, so a root that is here has ended. Where a trace shows several ids, only what shows an id
puts off the end of its conversation, because another one may go on for hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roark_otel._gateway.trace_group import GroupWaits, ShownConversation, TraceGroup


def due_times(group: TraceGroup, waits: GroupWaits, *, auto_ids: bool) -> dict[str | None, float]:
    """Returns when each conversation of a group is due, in accepting time; under None what has no id.

    Args:
        group: The group.
        waits: The waits.
        auto_ids: Whether a framework's conversation without an id gets one.
    """
    if not group.several:
        return {None: group.touched + (waits.settle if group.is_late else waits.idle)}
    are_several = len(group.named) > 1
    return {
        external_id: (one.touched if are_several else group.touched)
        + _wait(group, external_id, one, waits, auto_ids=auto_ids)
        for external_id, one in group.several.items()
    }


def _wait(
    group: TraceGroup, external_id: str | None, one: ShownConversation, waits: GroupWaits, *, auto_ids: bool
) -> float:
    if one.is_patient:
        return waits.idle
    unnamed = group.several.get(None, one)
    has_root = one.has_root or unnamed.has_root
    if external_id is None and not (auto_ids or group.resource_ids or group.named or group.is_late):
        return waits.idle  # its id may be on a span that is yet to come
    return waits.settle if has_root or group.is_late else waits.quiet
