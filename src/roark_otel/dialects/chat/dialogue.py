"""What models were asked and what they answered, as the one dialogue that it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from roark_otel.dialects.chat.inner import Inner
from roark_otel.dialects.chat.recital import Recital, as_span, lines, texts
from roark_otel.dialects.chat.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.chat.lists import Mark
    from roark_otel.dialects.chat.recital import Said
    from roark_otel.dialects.chat.shapes import Message


class Exchange(NamedTuple):
    """What a model was asked with, and what it answered.

    `before` is what the history holds before `asked`; `mark` says how far the history is known once `asked` is read.
    """

    before: Recital
    asked: tuple[Message, ...] = ()
    answered: tuple[Message, ...] = ()
    mark: Mark | None = None

    @property
    def has_words(self) -> bool:
        """Whether it holds anything that was said."""
        return self.before.length > 0 or any(one.text for one in (*self.asked, *self.answered))


class Dialogue:
    """Puts exchanges together, in any order of spans: each thing is said once, and only what was said."""

    __slots__ = ("_inner", "_transcript")

    def __init__(self) -> None:
        self._inner = Inner()
        self._transcript = Transcript()

    def read(
        self, span: SpanView, found: Exchange, agent: str | None, *, answers_in_data: bool, is_below_tool: bool
    ) -> bool:
        """Takes in an exchange. Returns whether its answer was spoken.

        Args:
            span: The span of the model.
            found: The exchange. Its history is read to its end.
            agent: The name of the agent.
            answers_in_data: Whether the model was asked for data, which a program reads.
            is_below_tool: Whether a tool asked.
        """
        asked = lines(found.asked)
        if is_below_tool or answers_in_data or any(one.has_data for one in found.answered):
            found.before.read(asked)
            if not is_below_tool:
                self._inner.ask(span.start_ns, found.before, span.span_id)
            return False
        self._transcript.ask(span.start_ns, found.before, asked, span.span_id)
        self._transcript.answer(as_span(span), found.before, texts(found.answered), agent)
        return True

    def add(self, at_ns: int, asked: Sequence[str], span_id: int) -> None:
        """Takes in lines of a history that was known at a time, without an answer."""
        self._transcript.ask(at_ns, Recital(), asked, span_id)

    def said(self) -> Sequence[Said]:
        """Returns what was said so far, in order."""
        self._inner.add_to(self._transcript)
        return self._transcript.said()
