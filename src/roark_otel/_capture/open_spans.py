"""Open spans, held by weak references: one that an app never ends is freed when the app lets go of it.

Each open span of a conversation's trace has an entry; one that opens a branch has a `Branch`. A branch is where the
spans below belong, for as long as nothing but their ids is known: its number is that of the group in whose log their
rows are kept. What is kept here is of no use after a span's end, and does not outlive it.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.dialect import OwnId

Key: TypeAlias = "tuple[int, int]"
"""The trace id and the span id."""


AtStart: TypeAlias = "tuple[object, int, bool, Mapping[str, object] | None]"
"""What only the start of a span shows, because later attributes may evict it and the context is gone: its id, where
that came from, whether it is marked as the root, the values of `call_attributes`."""

NOTHING_AT_START: AtStart = (None, 0, False, None)


class OpenSpan(weakref.ref[Any]):
    """An open span. `has_below`: another one began below it, so that its end leaves an edge between them."""

    __slots__ = ("at_start", "branch", "has_below", "key")

    key: Key
    at_start: AtStart | None
    branch: Branch | None
    has_below: bool


class Branch(OpenSpan):
    """An open span from which on spans belong to a group, or to another one than those above.

    Args:
        number: The number of the group.
        activity: How many spans have started below.
        outer: The branch around this one, if that is part of the same group.
        external_id: The id that the spans below inherit, as far as it is known at their start.
        strength: What makes one of its spans a root, the strongest so far; None if nothing does.
        below: The ids of the open spans below.
        context: The values of `call_attributes` where a span of it started last.
        ids: The ids that spans of the trace have shown, if it is the trace's first branch.
        unnamed: Open roots without an id, which may come late, if it is the trace's first branch.
        live: Whether its span may be read while it is open. Then `attributes` and `events` outlive the span.
        queue: Its events, which are read early when there are `read_at` of them; None if they are not.
        sdk_resource: Its resource, of which `resource` are the attributes.
        seen: How many of its events were read, with those that the SDK dropped.
    """

    __slots__ = (
        "activity",
        "attributes",
        "below",
        "context",
        "events",
        "external_id",
        "ids",
        "is_forgotten",
        "live",
        "looks",
        "number",
        "outer",
        "queue",
        "read_at",
        "resource",
        "sdk_resource",
        "seen",
        "start",
        "strength",
        "unnamed",
    )

    activity: int
    number: int
    outer: Branch | None
    external_id: object
    strength: int | None
    below: dict[int, None]
    context: Mapping[str, object] | None
    ids: dict[object, None] | None
    unnamed: dict[int, tuple[Branch, OwnId | None]] | None
    looks: int
    live: bool
    is_forgotten: bool
    seen: int
    read_at: int
    queue: Any
    sdk_resource: Any
    attributes: Any
    events: Any
    start: tuple[Any, ...]
    resource: Mapping[str, object]

    def let_go(self) -> None:
        """Lets go of the parts of its span, which is over: the branch outlives it."""
        self.live = False
        self.attributes = self.events = self.queue = self.sdk_resource = None
