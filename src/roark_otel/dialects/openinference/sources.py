"""Where a span keeps its messages: one attribute for each field of each, or the whole as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.dialect import Unreadable, Warn
from roark_otel.dialects.chat import Listing, Lists, Mark, Message, Recital, Role, indexed, messages
from roark_otel.dialects.openinference import names

if TYPE_CHECKING:
    from roark_otel._model.rows import SpanView


class Exchange(NamedTuple):
    """What a model or an agent was asked with, and what it answered.

    `before` is what the history holds before `asked`; `mark` says how far the history is known once `asked` is read.
    """

    before: Recital
    asked: tuple[Message, ...]
    answered: tuple[Message, ...]
    mark: Mark | None = None

    @property
    def has_words(self) -> bool:
        """Whether it holds anything that was said."""
        return self.before.length > 0 or any(one.text for one in (*self.asked, *self.answered))


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
        return _exchange(given, gave)

    def of_run(self, span: SpanView) -> Exchange:
        """What an agent or a chain was given and gave back."""
        return _exchange(self._value(span, names.INPUT_VALUE), self._value(span, names.OUTPUT_VALUE))

    def keep(self, exchange: Exchange) -> None:
        """Notes that all that an exchange was asked with has been added to `before`."""
        self._lists.keep(exchange.mark)

    def _value(self, span: SpanView, name: str) -> Listing:
        value = span.attributes.get(name)
        return self._lists.read(name, value, span.start_ns, lambda why: self._warn(Unreadable(span, name, why)))


def _exchange(given: Listing, gave: Listing) -> Exchange:
    asked = tuple(messages(given.items, Role.CUSTOMER))
    return Exchange(given.before, asked, tuple(messages(gave.items, Role.AGENT)), given.mark)
