"""A branch: an open span from which on spans belong to a group, or to another one than those above.

A branch is where the spans below it belong, for as long as nothing but their ids is known: its number is that of the
group in whose log their rows are kept.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.dialect import OwnId

AtStart: TypeAlias = "tuple[object, int, bool, Mapping[str, object] | None]"
"""What only the start of a span shows, because later attributes may evict it and the context is gone: its id, where
that came from, whether it is marked as the root, the values of `call_attributes`."""

NOTHING_AT_START: AtStart = (None, 0, False, None)

Opened: TypeAlias = "weakref.ref[Any] | tuple[weakref.ref[Any], AtStart | None, bool]"
"""An open span, held weakly; that is its branch if it opened one. Where there is more to remember: with what only its
start showed, and whether another span began below it, so that its end leaves an edge between them."""


_ID: Final = 8
MAX_OVER: Final = 65_536 * _ID
"""The most bytes of ids of ended spans that are remembered of a group: those that ended last."""


class Branch(weakref.ref[Any]):
    """An open span from which on spans belong to a group, held weakly: it outlives its span.

    Of the spans below it only what is open is known, and that lets go of them too: see `below`.

    Args:
        number: The number of the group.
        trace_id: The trace of its span.
        span_id: The id of its span.
        is_open: Whether its span is open.
        at_start: What only the start of its span showed.
        activity: How many spans have started below.
        outer: The branch around this one, if that is part of the same group.
        external_id: The id that the spans below inherit, as far as it is known at their start.
        strength: What makes one of its spans a root, the strongest so far; None if nothing does.
        below: The open spans below, by their ids: see `Opened`.
        places: The branches of the open spans of the trace that are not this one's, by their ids, if it is the trace's
            first branch; else None.
        others: The first branch of each other group of its trace that is not closed, by its number, if it is the
            trace's first branch.
        second: The number of the first of these that there ever was; 0 if there was none.
        remembers: Whether it and these remember which of their spans have ended, because there may be several
            conversations in the trace, and spans may begin below one that has ended.
        over: The ids of those spans, packed; one for all branches of a group.
        context: The values of `call_attributes` where a span of it started last.
        ids: The ids that spans of the trace have shown, if it is the trace's first branch: a tuple while there are few,
            which takes a third of the memory.
        unnamed: Open roots without an id, which may come late, if it is the trace's first branch.
        is_settled: Whether its trace has shown an id, and no root waits for one, if it is the trace's first branch.
        live: Whether its span may be read while it is open. Then `attributes` and `events` outlive the span.
        queue: Its events, which are read early when there are `read_at` of them; None if they are not.
        sdk_resource: Its resource, of which `resource` are the attributes.
        seen: How many of its events were read, with those that the SDK dropped.
    """

    __slots__ = (
        "activity",
        "at_start",
        "attributes",
        "below",
        "context",
        "events",
        "external_id",
        "ids",
        "is_forgotten",
        "is_open",
        "is_settled",
        "live",
        "looks",
        "number",
        "others",
        "outer",
        "over",
        "places",
        "queue",
        "read_at",
        "remembers",
        "resource",
        "sdk_resource",
        "second",
        "seen",
        "span_id",
        "start",
        "strength",
        "trace_id",
        "unnamed",
    )

    number: int
    trace_id: int
    span_id: int
    is_open: bool
    is_settled: bool
    at_start: AtStart | None
    activity: int
    outer: Branch | None
    external_id: object
    strength: int | None
    below: dict[int, Opened]
    places: dict[int, Branch] | None
    others: dict[int, Branch] | None
    second: int
    remembers: bool
    over: bytearray
    context: Mapping[str, object] | None
    ids: tuple[object, ...] | dict[object, None]
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

    @property
    def is_known(self) -> bool:
        """Whether it is part of a conversation, as far as the starts of spans show."""
        return self.external_id is not None or self.strength is not None

    def remember(self, span_id: int) -> None:
        """Remembers that a span of it has ended."""
        over = self.over
        over += span_id.to_bytes(_ID, "big")
        if len(over) > MAX_OVER:
            del over[: MAX_OVER // 2]

    def has_over(self, span_id: int) -> bool:
        """Returns whether a span that has ended is remembered."""
        key = span_id.to_bytes(_ID, "big")
        at = self.over.find(key)
        while at > 0 and at % _ID:
            at = self.over.find(key, at + 1)
        return at >= 0

    def settle(self) -> None:
        """Notes whether its trace has shown an id and no root waits for one. Called when either changed."""
        self.is_settled = bool(self.ids) and not self.unnamed

    def let_go(self) -> None:
        """Lets go of the parts of its span, which is over: the branch outlives it."""
        self.is_open = self.live = False
        self.attributes = self.events = self.queue = self.sdk_resource = None
