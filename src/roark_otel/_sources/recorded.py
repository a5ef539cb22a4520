"""A span of a file or a request, and the row that capture would have left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.rows import Kind, Origin, SpanView
from roark_otel.attributes import CONVERSATION_ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.rows import Captured
    from roark_otel._model.vocabulary import Vocabulary


_OF_SPAN: Final = int(Origin.SPAN)


class RecordedSpan(NamedTuple):
    """A span by value, and whether its parent is in another process, so that it need not be waited for."""

    record: SpanView
    has_remote_parent: bool = False


class Identity(NamedTuple):
    """What a span says of its conversation: the external id on it, unchecked, and what makes it a root."""

    own_id: object
    strength: int | None


def identity_of(scope: str, name: object, attributes: Mapping[str, object], vocabulary: Vocabulary) -> Identity:
    """Returns what a span of this scope and name, with these attributes, says of its conversation."""
    is_marked = attributes.get(CONVERSATION_ROOT) is True
    return Identity(vocabulary.external_id(attributes), vocabulary.strength(scope, name, marked=is_marked))


def captured_row(kind: Kind, record: SpanView, identity: Identity) -> Captured:
    """Returns the row of a span as capture leaves it."""
    own_id, strength = identity
    events: list[object] = []
    for name, time_ns, attributes in record.events:
        events += (name, time_ns, attributes)
    return (
        int(kind),
        record.trace_id,
        record.span_id,
        record.parent_id or 0,
        record.scope,
        record.name,
        record.start_ns,
        record.end_ns,
        own_id,
        _OF_SPAN,
        strength,
        record.error,
        record.dropped_events,
        record.attributes,
        events,
    )


def bare_start(record: SpanView) -> SpanView:
    """Returns a span of which only ids, name and start are known."""
    return record._replace(end_ns=None, attributes={}, events=(), dropped_events=0)


def captured_at_end(record: SpanView, identity: Identity, vocabulary: Vocabulary) -> Captured:
    """Returns the row of a span, of one that has not ended only as far as it may be read."""
    if record.end_ns is None:
        return captured_row(
            Kind.OPEN, record if vocabulary.may_be_read_open(record.scope) else bare_start(record), identity
        )
    is_relevant = (
        record.error
        or record.scope in vocabulary.scopes
        or any(vocabulary.is_relevant(name) for name in record.attributes)
        or any(vocabulary.is_relevant(event.name) for event in record.events)
    )
    if is_relevant:
        return captured_row(Kind.ENDED, record, identity)
    return captured_row(Kind.EDGE, record._replace(attributes={}, events=()), identity)
