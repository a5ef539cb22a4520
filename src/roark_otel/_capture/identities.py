"""Which id a span has, where that came from, and what makes the span a root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import baggage

from roark_otel._capture import call_context
from roark_otel._capture.sdk_spans import NOTHING, value_limit
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

    An id is the app's if it comes from `call_attributes` or from an attribute that differs from the baggage of the
    context. One that is only baggage, or equal to it, says that the span is a fragment of another process's call.

    Args:
        vocabulary: What the dialects know together.
        parents_traces: In a forked child the traces of its parent's conversations.
    """

    __slots__ = ("_parents_traces", "_vocabulary")

    def __init__(self, vocabulary: Vocabulary, parents_traces: Container[int]) -> None:
        self._vocabulary = vocabulary
        self._parents_traces = parents_traces

    def at_start(
        self,
        span: ReadableSpan,
        home: Branch | None,
        scope: str,
        attributes: Mapping[str, object],
        trace_id: int,
        parent_context: Context | None,
        carried: Mapping[str, object] | None = None,
    ) -> AtStart | None:
        """Returns what only the start of a span shows; None if that is nothing.

        `attributes`: those of the span, without what came in with its trace. `carried`: the baggage of the context,
        None if that was not looked for yet.
        """
        values = call_context.call_attributes_in(parent_context) if call_context.in_use else NOTHING
        given = _plain(self._vocabulary.external_id(values)) if values else None
        marked = CONVERSATION_ROOT in attributes and attributes[CONVERSATION_ROOT] is True
        own = self._vocabulary.external_id(attributes)
        if type(own) is not str:
            own = _plain(own)
        if marked and EXTERNAL_ID in (described := call_context.conversation_in(parent_context)):
            whole = values if value_limit(span) is None else {**values, **described}
            return described[EXTERNAL_ID], _SPAN, marked, whole or None
        if own is not None and (given is not None or not self._is_carried(own, parent_context, carried)):
            is_whole = given is None or not is_cut(own, given, span)
            return (own if is_whole else given), _SPAN, marked, values or None
        if given is not None:
            if trace_id not in self._parents_traces:
                return given, _CONTEXT, marked, values
            # The call is the parent's; here is a fragment of it, unless a root makes another of it.
            return given, self._from_elsewhere(span, scope, marked=marked, is_trusted=True), marked, None
        if own is None and (home is None or not home.ids):
            found = baggage.get_all(parent_context) if carried is None else carried
            own = _plain(found.get(EXTERNAL_ID))
        if own is not None:
            is_trusted = self._vocabulary.id_from_baggage
            return own, self._from_elsewhere(span, scope, marked=marked, is_trusted=is_trusted), marked, values or None
        return (None, 0, marked, values or None) if marked or values else None

    def _is_carried(
        self, external_id: object, context: Context | None, carried: Mapping[str, object] | None = None
    ) -> bool:
        """Returns whether the baggage of a context has this id, so that a processor may have copied it."""
        if carried is None:
            carried = baggage.get_all(context)
        return bool(carried) and any(carried.get(key) == external_id for key in self._vocabulary.id_keys)

    def _from_elsewhere(self, span: ReadableSpan, scope: str, *, marked: bool, is_trusted: bool) -> int:
        """Returns the origin of an id that another process has given: a trusted one is good enough for a root."""
        is_root = is_trusted and self._vocabulary.strength(scope, span.name, marked=marked) is not None
        return _CONTEXT if is_root else _BAGGAGE

    def at_end(
        self,
        span: ReadableSpan,
        scope: str,
        attributes: Mapping[str, object],
        at_start: AtStart | None,
        carried_id: object,
    ) -> tuple[object, int, int | None]:
        """Returns the id of a span, where that came from, and what makes the span a root, if anything does.

        `carried_id`: the one that came in with its trace.
        """
        external_id, origin = self._vocabulary.external_id(attributes), _SPAN
        if type(external_id) is not str:
            external_id = _plain(external_id)
        marked = CONVERSATION_ROOT in attributes and attributes[CONVERSATION_ROOT] is True
        known, known_origin = None, 0
        if at_start is not None:
            marked = marked or at_start[2]
            known, known_origin = at_start[:2]
        elif carried_id is not None:
            known, known_origin = carried_id, _BAGGAGE
        if external_id is not None and external_id == known:
            origin = _BAGGAGE if known_origin == _BAGGAGE else _SPAN
        elif external_id is None or is_cut(external_id, known, span):
            external_id, origin = known, known_origin
        elif self._was_copied(external_id):
            external_id, origin = (known, known_origin) if known is not None else (external_id, _BAGGAGE)
        return external_id, origin, self._vocabulary.strength(scope, span.name, marked=marked)

    def _was_copied(self, external_id: object) -> bool:
        """Returns whether an id that came after a span's start is only the baggage of where the span ends."""
        if not self._is_carried(external_id, None):
            return False
        return not call_context.in_use or (
            self._vocabulary.external_id(call_context.call_attributes_in(None)) != external_id
        )


def is_cut(external_id: object, whole: object, span: ReadableSpan) -> bool:
    """Returns whether an attribute is a longer id that the length limit of the SDK has cut."""
    return (
        isinstance(whole, str)
        and isinstance(external_id, str)
        and len(external_id) < len(whole)
        and whole.startswith(external_id)
        and len(external_id) == value_limit(span)
    )


def _plain(external_id: object) -> object:
    """Returns text of exactly that type: methods of a type derived from it may raise on the app's thread."""
    if isinstance(external_id, str) and type(external_id) is not str:
        return str.__str__(external_id)
    return external_id
