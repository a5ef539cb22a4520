"""Which id a span has, where that came from, and what makes the span a root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import baggage

from roark_otel._capture import call_context
from roark_otel._capture.sdk_spans import NOTHING
from roark_otel._model.rows import Origin
from roark_otel.attributes import CONVERSATION_ROOT, EXTERNAL_ID

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan

    from roark_otel._capture.branch import AtStart, Branch
    from roark_otel._model.vocabulary import Vocabulary

_SPAN, _CONTEXT, _BAGGAGE = int(Origin.SPAN), int(Origin.CONTEXT), int(Origin.BAGGAGE)


class Identities:
    """Finds the ids of spans.

    Args:
        vocabulary: What the dialects know together.
        parents_traces: In a forked child the traces of its parent's conversations.
    """

    __slots__ = ("_parents_traces", "_vocabulary")

    def __init__(self, vocabulary: Vocabulary, parents_traces: Container[int]) -> None:
        self._vocabulary = vocabulary
        self._parents_traces = parents_traces

    def at_start(
        self, home: Branch | None, attributes: Mapping[str, object], trace_id: int, parent_context: Context | None
    ) -> AtStart | None:
        """Returns what only the start of a span shows; None if that is nothing."""
        external_id = _plain(self._vocabulary.external_id(attributes))
        values = call_context.call_attributes_in(parent_context) if call_context.in_use else NOTHING
        marked = CONVERSATION_ROOT in attributes and attributes[CONVERSATION_ROOT] is True
        if external_id is not None:
            return external_id, _SPAN, marked, values or None
        if values:
            found = _plain(self._vocabulary.external_id(values))
            if found is not None and trace_id in self._parents_traces:
                # The call is the parent's; here is a fragment of it, as where the id comes from baggage only.
                return found, _BAGGAGE, marked, None
            if found is not None:
                return found, _CONTEXT, marked, values
        if home is None or not home.ids:
            found = _plain(baggage.get_baggage(EXTERNAL_ID, parent_context))
            if found is not None:
                return found, _BAGGAGE, marked, values or None
        return (None, 0, marked, values or None) if marked or values else None

    def at_end(
        self, span: ReadableSpan, scope: str, attributes: Mapping[str, object], at_start: AtStart | None
    ) -> tuple[object, int, int | None]:
        """Returns the id of a span, where that came from, and what makes the span a root, if anything does."""
        external_id, origin = _plain(self._vocabulary.external_id(attributes)), _SPAN
        marked = CONVERSATION_ROOT in attributes and attributes[CONVERSATION_ROOT] is True
        if at_start is not None:
            marked = marked or at_start[2]
            if external_id is None:
                external_id, origin = at_start[:2]
        return external_id, origin, self._vocabulary.strength(scope, span.name, marked=marked)


def _plain(external_id: object) -> object:
    """Returns text of exactly that type: methods of a type derived from it may raise on the app's thread."""
    if isinstance(external_id, str) and type(external_id) is not str:
        return str.__str__(external_id)
    return external_id
