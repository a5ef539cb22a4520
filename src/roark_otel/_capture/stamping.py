"""Writes ids on spans: the one attribute that we ever set."""

# The SDK's private attributes have no types that pyright knows.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, cast

from roark_otel._capture.sdk_spans import attributes_of
from roark_otel._model.formats import is_external_id
from roark_otel._model.rows import Origin
from roark_otel._safety.guard import log_once
from roark_otel.attributes import EXTERNAL_ID

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span

    from roark_otel._capture.branch import AtStart, Branch
    from roark_otel._capture.inbound import Inbound
    from roark_otel._capture.resources import Resources
    from roark_otel._model.vocabulary import Vocabulary

_NOT_TRUSTED: Final = (
    "the baggage of a request has a roark.external_id, but whoever sends a request writes its baggage, so the "
    "conversation gets an id of its own; start it inside roark_otel.call_attributes(external_id=…), or set "
    "ROARK_ID_FROM_BAGGAGE=true if you trust whoever sends requests"
)

MAX_LOOKS: Final = 64
"""How often an open root without an id is looked at for one that came late."""

MAX_IDS: Final = 1_024
"""The most ids that are remembered of a trace. Beyond it, spans of known ones may be given their id once more."""

FEW_IDS: Final = 4
"""The most that a tuple holds. Of two that come to it at the same moment it may lose one, with the same effect."""


class Stamping:
    """Writes a known id on an open root that lacks it, so that its trace links.

    Args:
        vocabulary: What the dialects know together.
        resources: The resources of spans.
        inbound: What baggage came in with traces.
    """

    def __init__(self, vocabulary: Vocabulary, resources: Resources, inbound: Inbound) -> None:
        self._inbound = inbound
        self._vocabulary = vocabulary
        self._resources = resources

    def name(
        self, home: Branch, branch: Branch, span: Span, scope: str, at_start: AtStart | None, *, is_local_root: bool
    ) -> None:
        """Writes a known id on the span where its trace lacks it; one without an id may get it later."""
        span_id = branch.span_id
        external_id = None if at_start is None or at_start[1] == Origin.BAGGAGE else at_start[0]
        if external_id is not None:
            self._stamp(home, span, external_id)
            return
        own_id = self._vocabulary.own_id(scope, span.name)
        has_id = at_start is not None and at_start[1] != Origin.BAGGAGE
        if own_id is not None and at_start is not None and not has_id:
            log_once(logging.WARNING, (), _NOT_TRUSTED)
        if own_id is not None and (has_id or self._resources.of(span)[2]):
            own_id = None  # it has an id, though not one of its own
        if own_id is not None or (is_local_root and not home.ids):
            unnamed = home.unnamed
            if unnamed is None:
                unnamed = home.unnamed = {}
            unnamed[span_id] = branch, own_id
            home.settle()

    def _stamp(self, home: Branch, span: Span, external_id: object) -> None:
        """Sets the one attribute that we ever set: without it on one of its spans the trace would not be linked."""
        ids = home.ids
        if not is_external_id(external_id) or external_id in ids:
            return
        attributes = attributes_of(span)
        if self._inbound.roots:
            attributes = self._inbound.without(home.trace_id, attributes)
        if EXTERNAL_ID not in attributes:
            span.set_attribute(EXTERNAL_ID, cast("str", external_id))
        # At no moment there are none: other threads read them.
        if len(ids) >= MAX_IDS:
            home.ids = (external_id,)
        elif isinstance(ids, dict):
            ids[external_id] = None
        else:
            ids = (*ids, external_id)
            home.ids = dict.fromkeys(ids) if len(ids) > FEW_IDS else ids
        home.settle()

    def stamp_late(self, home: Branch) -> None:
        """Writes ids that came after the start of open roots, under another key or from their framework."""
        for span_id, (branch, own_id) in list((home.unnamed or {}).items()):
            span = cast("Span | None", branch())
            if span is None or branch.looks >= MAX_LOOKS:
                home.unnamed.pop(span_id, None)  # type: ignore[union-attr]
                home.settle()
                continue
            branch.looks += 1
            attributes = self._inbound.without(home.trace_id, attributes_of(span))
            found = self._vocabulary.external_id(attributes)
            if found is None and own_id is not None:
                found = own_id(attributes, span_id)
            if isinstance(found, str):
                home.unnamed.pop(span_id, None)  # type: ignore[union-attr]
                self._stamp(home, span, found)
