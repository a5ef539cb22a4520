"""Where a span keeps its messages: one attribute for each field of each, or the whole as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model import reading
from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.roles import UNKNOWN_ROLE
from roark_otel.dialects.chat import (
    Exchange,
    Listing,
    Lists,
    Recital,
    Role,
    fields_of,
    indexed,
    is_unheard,
    messages,
)
from roark_otel.dialects.openinference import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.rows import SpanView


class Sources:
    """Finds the messages of spans."""

    __slots__ = ("_lists", "_warn")

    def __init__(self, warn: Warn) -> None:
        self._lists = Lists()
        self._warn = warn

    def of_model(self, span: SpanView) -> Exchange:
        """The messages of a model: those given field by field, else those of the values."""
        asked = indexed(span.attributes, names.INPUT_MESSAGES)
        answered = indexed(span.attributes, names.OUTPUT_MESSAGES)
        given = Listing(asked, Recital()) if asked else self._value(span, names.INPUT_VALUE)
        gave = Listing(answered, Recital()) if answered else self._value(span, names.OUTPUT_VALUE)
        found = _exchange(given, gave)
        if is_unheard(found.asked):
            self._warn(Unreadable(span, names.ROLE, UNKNOWN_ROLE))
        return found

    def of_run(self, span: SpanView) -> Exchange:
        """What an agent or a chain was given and gave back."""
        return _exchange(self._value(span, names.INPUT_VALUE), self._value(span, names.OUTPUT_VALUE))

    def keep(self, exchange: Exchange) -> None:
        """Notes that all that an exchange was asked with has been added to `before`."""
        self._lists.keep(exchange.mark)

    def _value(self, span: SpanView, name: str) -> Listing:
        value = span.attributes.get(name)
        return self._lists.read(name, value, span.start_ns, lambda why: self._warn(Unreadable(span, name, why)))


def answers_in_data(span: SpanView) -> bool:
    """Whether a model was asked for JSON: a program reads its answer, and it is not spoken."""
    asked = _invocation(span)
    config = fields_of(asked.get("generation_config")) or asked
    formats = (asked.get("response_format"), fields_of(asked.get("text")).get("format"))
    kinds = [fields_of(one).get("type", one) for one in formats]
    kinds += [config.get("response_mime_type")]
    return any(isinstance(one, str) and "json" in one.lower() for one in kinds)


def instructions(span: SpanView) -> str | None:
    """The system prompt of a realtime session."""
    return reading.text(_invocation(span).get("instructions"))


def _invocation(span: SpanView) -> Mapping[str, object]:
    try:
        return reading.json_object(span.attributes.get(names.INVOCATION))
    except ValueError:
        return {}


def _exchange(given: Listing, gave: Listing) -> Exchange:
    asked = tuple(messages(given.items, Role.CUSTOMER))
    return Exchange(given.before, asked, tuple(messages(gave.items, Role.AGENT)), given.mark)
