"""What the dialects in use know together: which spans are relevant, which are roots, where an external id is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel import attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from roark_otel._model.dialect import Dialect, OwnId
    from roark_otel._model.spans import SpanRecord


@dataclass(frozen=True, slots=True)
class OpenSpans:
    """Functions that read an open span, which only capture can do.

    Args:
        attributes: Returns its attributes, at little cost.
        record: Returns it as a record; None if it has ended, because then its record is on its way.
        is_held: Returns whether the app still holds it. A span that the app has let go of can never end.
    """

    attributes: Callable[[object], Mapping[str, object]]
    record: Callable[[object], SpanRecord | None]
    is_held: Callable[[object], bool] = lambda _: True


class Vocabulary:
    """The scopes, names and roots of several dialects.

    Args:
        dialects: The dialects.
        id_keys: Further names of attributes to take the external id from, in order, after `roark.external_id`.
        open_spans: Functions that read open spans.
        auto_ids: Whether a framework's conversation without an external id gets one.
    """

    def __init__(
        self,
        dialects: Sequence[Dialect],
        id_keys: Iterable[str],
        open_spans: OpenSpans,
        *,
        auto_ids: bool = False,
    ) -> None:
        self.scopes: frozenset[str] = frozenset().union(*(dialect.scopes for dialect in dialects))
        self.id_keys: tuple[str, ...] = (attributes.EXTERNAL_ID, *id_keys)
        self.generic: frozenset[str] = frozenset(dialect.name for dialect in dialects if dialect.generic)
        self._prefixes = tuple({attributes.PREFIX, *(prefix for dialect in dialects for prefix in dialect.prefixes)})
        self._roots = frozenset((scope, name) for d in dialects for scope in d.scopes for name in d.roots)
        self._yielding: frozenset[str] = frozenset().union(*(d.scopes for d in dialects if d.yields))
        self._closed_scopes: frozenset[str] = frozenset().union(*(d.scopes for d in dialects if not d.live))
        self._open_spans = open_spans
        self._own_ids: dict[tuple[str, str], OwnId] = {
            (scope, name): d.own_id for d in dialects for scope in d.scopes for name in d.roots if auto_ids and d.own_id
        }

    def is_root(self, scope: str, name: str) -> bool:
        """Returns whether the end of a span of this scope and name ends a conversation."""
        return (scope, name) in self._roots

    def yields(self, scope: str) -> bool:
        """Returns whether a root of this scope yields to an app's own span around it."""
        return scope in self._yielding

    def own_id(self, scope: str, name: str) -> OwnId | None:
        """Returns the function that reads a root's own id; None if such a span is not a root, or gets no id."""
        return self._own_ids.get((scope, name)) if self._own_ids else None

    def is_relevant(self, name: object) -> bool:
        """Returns whether an attribute or event of this name makes its span relevant."""
        return isinstance(name, str) and (name.startswith(self._prefixes) or name in self.id_keys)

    def may_be_read_open(self, scope: str) -> bool:
        """Returns whether an open span of this scope may be read."""
        return scope not in self._closed_scopes

    def external_id(self, span_attributes: Mapping[str, object]) -> object:
        """Returns the external id among these attributes, unchecked; None if there is none."""
        for key in self.id_keys:
            if (found := span_attributes.get(key)) is not None:
                return found
        return None

    def open_span_id(self, live: object) -> object:
        """Returns the external id of an open span, unchecked; None if it has none."""
        return self.external_id(self._open_spans.attributes(live))

    def is_held(self, live: object) -> bool:
        """Returns whether the app still holds an open span."""
        return self._open_spans.is_held(live)

    def open_span(self, live: object) -> SpanRecord | None:
        """Returns an open span as far as it may be read, at least its ids, name and start; None if it has ended."""
        record = self._open_spans.record(live)
        if record is None or self.may_be_read_open(record.scope):
            return record
        ids = {key: record.attributes[key] for key in self.id_keys if key in record.attributes}
        return record._replace(attributes=ids, events=(), dropped_events=0)
