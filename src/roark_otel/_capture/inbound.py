"""Baggage that came in with a trace. It names no conversation here, also where a processor copies it to spans.

The baggage of a request is whatever its sender wrote into a header, and `BaggageSpanProcessor` and its like write it on
every span. So it is remembered for as long as the span lives that began the trace here, and an attribute that equals it
is not the app's. What `call_attributes` itself puts into baggage is.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry import baggage

from roark_otel._capture import call_context
from roark_otel._capture.sdk_spans import NOTHING, value_limit
from roark_otel._safety.guard import guarded
from roark_otel.attributes import EXTERNAL_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

    from roark_otel._model.vocabulary import Vocabulary

Carried: TypeAlias = "frozenset[tuple[str, object]]"
"""Names and values of baggage that a dialect would read on a span."""

NOTHING_CARRIED: Carried = frozenset()


class _Root(weakref.ref[Any]):
    """The local root of a trace, held weakly, and what came in with it."""

    __slots__ = ("carried", "trace_id")

    carried: Carried
    trace_id: int


class Inbound:
    """Knows what baggage came in with the traces whose local roots are alive.

    Any app thread may change it at any time, so each step is one that the interpreter does not interrupt.

    Args:
        vocabulary: What the dialects know together.
    """

    __slots__ = ("_on_death", "_vocabulary", "roots")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.roots: dict[int, _Root] = {}
        """The local roots of these traces, by trace: mostly there are none, so who asks looks here first."""
        self._on_death = partial(_forget, self.roots)

    def __len__(self) -> int:
        """How many traces are remembered."""
        return len(self.roots)

    def note(self, span: object, trace_id: int, parent_context: Context | None) -> Mapping[str, object]:
        """Notes what came in with a local root. Returns the baggage of its context."""
        found = baggage.get_all(parent_context)
        if found:
            self._note(span, trace_id, parent_context, found)
        return found

    def _note(self, span: object, trace_id: int, parent_context: Context | None, found: Mapping[str, object]) -> None:
        own = call_context.call_attributes_in(parent_context) if call_context.in_use else NOTHING
        limit = value_limit(span)
        carried = [
            (name, value)
            for name, value in found.items()
            if self._is_foreign(name) and isinstance(value, str) and own.get(name) != value
        ]
        if limit is not None:
            carried += [(name, value[:limit]) for name, value in carried]
        known = self.roots.get(trace_id)
        if not carried or (known is not None and known.carried.issuperset(carried)):
            return
        try:
            root = _Root(span, self._on_death)
        except TypeError:
            return  # a span of a type that knows no weak references
        root.trace_id = trace_id
        root.carried = frozenset(carried) if known is None else known.carried.union(carried)
        self.roots[trace_id] = root

    def _is_foreign(self, name: str) -> bool:
        """Returns whether baggage of this name says nothing of a call: where it is trusted, only ids do not."""
        if self._vocabulary.id_from_baggage:
            return name in self._vocabulary.id_keys
        return self._vocabulary.is_relevant(name)

    def of(self, trace_id: int) -> Carried:
        """Returns what came in with a trace."""
        root = self.roots.get(trace_id)
        return NOTHING_CARRIED if root is None else root.carried

    def names_it(self, trace_id: int) -> object:
        """Returns the external id that came in with a trace; None if none did."""
        return next((value for name, value in self.of(trace_id) if name == EXTERNAL_ID), None)

    def without(self, trace_id: int, attributes: Mapping[str, object]) -> Mapping[str, object]:
        """Returns attributes without those that only repeat what came in: nearly always the same object."""
        carried = self.of(trace_id)
        if not carried:
            return attributes
        return {
            name: value for name, value in attributes.items() if not (type(value) is str and (name, value) in carried)
        }


@guarded(None)
def _forget(roots: dict[int, _Root], root: _Root) -> None:
    """Lets go of what came in with a trace whose local root is gone."""
    if roots.get(root.trace_id) is root:
        roots.pop(root.trace_id, None)
