"""When the customer said or entered what only histories hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel.dialects.pipecat.customer import Spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel.dialects.pipecat.asked import Ask
    from roark_otel.dialects.pipecat.stretches import Stretch
    from roark_otel.dialects.pipecat.turns import Turns

_NS_PER_CHARACTER: Final = 1_000_000_000 // 15
_SLACK_NS = 100_000_000
"""How much the beginning of a reply may be off, by which the customer's silence is known."""


class Unwritten:
    """What the customer said or entered that no speech service wrote down.

    A turn has a latency if the customer was heard in it before the agent: then its words were spoken, until then.

    Args:
        left: What only histories show, by time.
        said: What spans say, by start.
        speeches: What was to be spoken, by start.
        turns: The turns.

    Attributes:
        spoken: What was spoken.
        entered: What came by keypad or keyboard, or at a time that nothing shows: at the moment the model was asked, or
            just before what was said behind it.
    """

    __slots__ = ("_began", "_heard_in", "_turns", "entered", "spoken")

    def __init__(self, left: Sequence[Ask], said: Sequence[Spoken], speeches: Iterable[Stretch], turns: Turns) -> None:
        self.spoken: list[Spoken] = []
        self.entered: list[Spoken] = []
        if not left:
            return
        self._turns = turns
        self._heard_in = {one.turn_id for one in said}
        self._began: dict[int, list[int]] = {}
        for speech in speeches:
            self._began.setdefault(speech.turn_id, []).append(speech.spoken_ns)
        last = {one.span_id: one for one in left}
        for one in left:
            # Of what an app has there to begin with only the last may have been said.
            silent_ns = self._silent_ns(one) if one.is_sure or last[one.span_id] is one else None
            if silent_ns is not None or one.is_keyed or (one.is_sure and not (one.is_instruction and said)):
                self._sort(one, silent_ns)

    def _sort(self, one: Ask, silent_ns: int | None) -> None:
        turn = self._turns.get(one.turn_id)
        began = self._began.get(one.turn_id)
        is_first = one.turn_id not in self._heard_in and (silent_ns is not None or not began or began[0] >= one.at_ns)
        self._heard_in.add(one.turn_id)
        if turn is None or one.is_keyed or not is_first or (silent_ns is None and turn.span_id == self._turns.first_id):
            self.entered.append(_entry(one, one.entered_ns, one.entered_ns))
            return
        until_ns = one.at_ns if silent_ns is None else silent_ns
        start_ns = turn.start_ns
        if turn.span_id == self._turns.first_id:  # it began with the call
            start_ns = max(start_ns, until_ns - len(one.text) * _NS_PER_CHARACTER)
        self.spoken.append(_entry(one, min(start_ns, until_ns), silent_ns))

    def _silent_ns(self, one: Ask) -> int | None:
        """Returns when the customer fell silent in a turn before the model was asked; None if nothing shows it."""
        turn = self._turns.get(one.turn_id)
        if turn is None or turn.latency_ns is None or one.turn_id in self._heard_in:
            return None
        began = self._began.get(one.turn_id)
        if not began or began[0] - turn.latency_ns > one.at_ns + _SLACK_NS:
            return None
        return max(turn.start_ns, began[0] - turn.latency_ns)


def _entry(one: Ask, start_ns: int, end_ns: int | None) -> Spoken:
    return Spoken(
        start_ns=start_ns,
        span_id=one.span_id,
        turn_id=one.turn_id,
        end_ns=end_ns,
        heard_ns=one.at_ns,
        live=False,
        text=one.text,
        language=None,
        ttfb_ns=None,
    )
