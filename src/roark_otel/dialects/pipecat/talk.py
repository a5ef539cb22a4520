"""Puts together what spans and histories say: spans know when, and histories what was heard, entered and used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel.dialects.pipecat.asked import asks, matched
from roark_otel.dialects.pipecat.customer import customer_said, entered, spoken
from roark_otel.dialects.pipecat.heard import Histories
from roark_otel.dialects.pipecat.history import recent
from roark_otel.dialects.pipecat.lost_words import completed
from roark_otel.dialects.pipecat.mentioned_tools import MentionedTools
from roark_otel.dialects.pipecat.pace import Pace
from roark_otel.dialects.pipecat.replies import Replies
from roark_otel.dialects.pipecat.threads import news
from roark_otel.dialects.pipecat.unwritten import Unwritten
from roark_otel.dialects.pipecat.voices import Voices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roark_otel._model.moments import Utterance
    from roark_otel.dialects.pipecat.customer import Spoken
    from roark_otel.dialects.pipecat.history import HistoryView
    from roark_otel.dialects.pipecat.mentioned_tools import Use
    from roark_otel.dialects.pipecat.stretches import Stretch
    from roark_otel.dialects.pipecat.turns import Turns


class Talk:
    """What was said in a conversation, and which tools its histories mention.

    Args:
        words: What spans hold of the customer's words, by start.
        speeches: What was to be spoken, by start.
        models: What models wrote, by start.
        turns: The turns.
        histories: What models were asked with, by start.

    Attributes:
        said: What the customer said, by start.
        entered: What the customer entered, or said at a time that nothing shows.
        uses: The tool uses that histories mention.
    """

    __slots__ = ("_pace", "_turns", "entered", "said", "uses")

    def __init__(
        self,
        words: Sequence[Spoken],
        speeches: Sequence[Stretch],
        models: Sequence[Stretch],
        turns: Turns,
        histories: Sequence[HistoryView],
    ) -> None:
        voices = Voices(speeches, models)
        mentioned_tools = MentionedTools()
        several = list(news(histories, voices.is_known))
        for one in several:
            mentioned_tools.learn(one)
        self.uses: list[Use] = mentioned_tools.uses
        thinking = {one.span_id: one for one in models if not one.flag}
        replies_ns = sorted(one.start_ns for one in (*thinking.values(), *speeches))
        said, left = matched(asks(several, thinking, voices.unheard(several)), spoken(words, replies_ns))
        unwritten = Unwritten(left, said, speeches, turns)
        if unwritten.spoken:
            said = sorted([*said, *unwritten.spoken])
        recents = [recent(one) for one in histories if not one.fault]
        replies = Replies(completed(speeches, voices.authors, recents), models, voices, turns, said)
        heard = replies.heard(Histories(recents, said))
        self.said: list[Spoken] = said
        self.entered: list[Spoken] = unwritten.entered
        self._turns = turns
        self._pace = Pace(heard, said, turns, has_metrics=replies.has_metrics)

    def customer_said(self) -> Iterator[Utterance]:
        """Yields what the customer said and entered."""
        yield from customer_said(self.said, self._turns, self._pace.answers)
        yield from entered(self.entered)

    def agent_said(self) -> Iterator[Utterance]:
        """Yields what the agent said."""
        return self._pace.agent_said()
