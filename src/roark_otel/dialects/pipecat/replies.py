"""What the agent said: which of the texts that were generated were spoken, and how much of them was heard."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.tuples import made
from roark_otel.dialects.pipecat.heard import HEARD, NOTHING
from roark_otel.dialects.pipecat.marks import plain
from roark_otel.dialects.pipecat.turns import BY_HANG_UP, SILENCE_NS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roark_otel.dialects.pipecat.customer import Spoken
    from roark_otel.dialects.pipecat.heard import Histories
    from roark_otel.dialects.pipecat.stretches import Stretch
    from roark_otel.dialects.pipecat.turns import Turns
    from roark_otel.dialects.pipecat.voices import Voices

_order = attrgetter("start_ns", "text")

_SOON = 4
"""The number of speeches after a reply that are searched for the same words."""


class Reply(NamedTuple):
    """Something that the agent said.

    It went to the speech service at `start_ns`, whose first byte took `ttfb_ns` and whose last came at `made_ns`; it
    was not spoken before `spoken_ns`. `model` wrote it. `is_sure`: it was spoken, or else only a history can show it.
    `is_cut`: not all of it was heard. `is_shown`: it was shown and not spoken, if a history holds it as it is. The span
    with this `span_id` has the text.
    """

    turn_id: int
    start_ns: int
    spoken_ns: int
    made_ns: int
    ttfb_ns: int | None
    text: str
    model: Stretch | None
    is_sure: bool = True
    is_cut: bool = False
    is_shown: bool = False
    span_id: int = 0


class Replies:
    """The replies of a conversation.

    Args:
        speeches: What was to be spoken, by start.
        models: What models wrote, by start.
        voices: Which of these wrote which of those.
        turns: The turns.
        said: What the customer said, by start.
    """

    __slots__ = (
        "_any_wordless",
        "_asked_in",
        "_models",
        "_speeches",
        "_spoken_ns",
        "_turns",
        "_voices",
        "has_metrics",
    )

    def __init__(
        self,
        speeches: Sequence[Stretch],
        models: Sequence[Stretch],
        voices: Voices,
        turns: Turns,
        said: Sequence[Spoken],
    ) -> None:
        self._speeches = speeches
        self._models = models
        self._voices = voices
        self._turns = turns
        self._any_wordless = any(one.text is None for one in speeches)
        self._spoken_ns = [one.start_ns for one in speeches]
        self._asked_in = {one.turn_id: one.start_ns for one in said}
        self.has_metrics: bool = any(speech.ttfb_ns is not None for speech in speeches)

    def heard(self, histories: Histories) -> list[Reply]:
        """Returns the replies as they were heard, by start."""
        kept: list[Reply] = []
        is_hung_up = self._turns.hung_up_ns is not None
        for one in sorted(self._candidates(), key=_order):
            if is_hung_up and (self._is_late(one) or self._is_early(one)):
                continue
            said = one.text
            if one.is_shown and not histories.hold(said, one.start_ns):
                continue
            verdict, text, is_cut = histories.heard(said, one.start_ns, generated=one.model is not None)
            if verdict is HEARD or (verdict is NOTHING and one.is_sure):
                is_whole = text == said and not is_cut
                kept.append(one if is_whole else one._replace(text=text, is_cut=is_cut or one.is_cut))
        return kept

    def _candidates(self) -> Iterator[Reply]:
        """Yields everything that may have been spoken: by a speech service, or by a model that has none."""
        for speech, model in zip(self._speeches, self._voices.authors, strict=True):
            if speech.text is not None:
                yield _reply(speech, speech.text, model)
        for index, model in enumerate(self._models):
            if model.text is None or model.span_id in self._voices.voiced:
                continue
            if model.flag:  # of a speech-to-speech model
                yield _written(model, model.text)
            elif not self._is_voiced(index):
                yield self._unvoiced(model, model.text)
            elif self._is_silent(index, model.text):
                yield _written(model, model.text)._replace(is_sure=False, is_shown=True)

    def _is_voiced(self, index: int) -> bool:
        """Returns whether there are texts for the speech service in the turn of a model, or up to the next model."""
        model = self._models[index]
        if self._turns.get(model.turn_id):
            around = self._speeches_near(model, model.start_ns, None)
            return any(speech.text is not None and speech.turn_id == model.turn_id for speech in around)
        until_ns = self._models[index + 1].start_ns if index + 1 < len(self._models) else None
        return any(speech.text is not None for speech in self._speeches_near(model, model.start_ns, until_ns))

    def _is_silent(self, index: int, text: str) -> bool:
        """Returns whether nothing was to be spoken between a model and the next, and nothing like it soon after."""
        first = bisect_right(self._spoken_ns, self._models[index].start_ns)
        after = [one for one in self._speeches[first : first + _SOON] if one.text is not None]
        if index + 1 < len(self._models) and after and after[0].start_ns < self._models[index + 1].start_ns:
            return False
        return index + 1 < len(self._models) and all(plain(one.text or "") != plain(text) for one in after)

    def _speeches_near(self, model: Stretch, since_ns: int, until_ns: int | None) -> Sequence[Stretch]:
        """Returns the speeches of the turn of a model, or those that began in between."""
        turn = self._turns.get(model.turn_id)
        first = bisect_right(self._spoken_ns, turn.start_ns if turn else since_ns)
        end_ns = turn.end_ns if turn else until_ns
        last = len(self._speeches) if end_ns is None else bisect_right(self._spoken_ns, end_ns)
        return self._speeches[first:last]

    def _unvoiced(self, model: Stretch, text: str) -> Reply:
        """Returns what a model wrote without a speech, or with one that does not hold its text, as in some versions."""
        for speech in self._speeches_near(model, model.start_ns, None) if self._any_wordless else ():
            if speech.text is None and speech.start_ns >= model.start_ns and speech.turn_id == model.turn_id:
                return _reply(speech, text, model)
        return _written(model, text)._replace(is_sure=not self._speeches)

    def _is_late(self, one: Reply) -> bool:
        """Returns whether a reply was generated when the call had ended already, and nothing of it was played."""
        turns = self._turns
        hung_up_ns, until_ns = turns.hung_up_ns, turns.played_until_ns
        if hung_up_ns is None or one.start_ns < hung_up_ns or one.ttfb_ns is not None or turns.get(one.turn_id):
            return False
        if self.has_metrics or turns.is_cancelled:
            return True
        if until_ns is not None:
            return until_ns <= one.start_ns
        answers_nobody = one.model is not None and one.model.start_ns >= hung_up_ns
        return answers_nobody or turns.is_silent_at_the_end

    def _is_early(self, one: Reply) -> bool:
        """Returns whether the call ended before the agent began to speak: then its turn has no latency."""
        turn = self._turns.get(one.turn_id)
        return (
            turn is not None
            and turn.latency_ns is None
            and one.ttfb_ns is None
            and one.turn_id in self._asked_in
            and self._turns.any_latency
            and self._turns.closed(turn) is BY_HANG_UP
            and self._turns.played_until_ns is None
            and (turn.until_ns - one.start_ns < SILENCE_NS or self._asked_in[one.turn_id] > one.start_ns)
        )


def _reply(speech: Stretch, text: str, model: Stretch | None) -> Reply:
    turn_id, start_ns, until_ns, took_ns = speech.turn_id, speech.start_ns, speech.until_ns, speech.ttfb_ns
    span_id = speech.span_id if speech.text is not None or model is None else model.span_id
    said = turn_id, start_ns, speech.spoken_ns, until_ns, took_ns, text, model, True, speech.flag, False, span_id
    return made(Reply, said)


def _written(model: Stretch, text: str) -> Reply:
    """Returns a reply without a speech service of its own."""
    return _reply(model._replace(flag=False), text, model)._replace(ttfb_ns=None)
