"""The customer's side of a LiveKit session: turns with words, and when they were spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.dialect import Unreadable
from roark_otel._model.json_lists import listed
from roark_otel._model.reading import number
from roark_otel._model.rows import SPAN, START, view
from roark_otel._model.tuples import made
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.heard import Own, customer_heard
from roark_otel.dialects.livekit.names import words
from roark_otel.dialects.livekit.speeds import millionths, of_customer
from roark_otel.dialects.livekit.turns import (
    CustomerTurn,
    customer_asked,
    customer_said,
    first_words_ns,
    in_milliseconds,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from roark_otel._model.dialect import Warn
    from roark_otel._model.moments import Utterance
    from roark_otel._model.rows import Row
    from roark_otel.dialects.livekit.below import Below
    from roark_otel.dialects.livekit.turns import AgentTurn, Interval

_NS = 1_000_000_000


class CustomerSide:
    """Gathers what the customer said, in any order of spans.

    Attributes:
        turns: The turns, by their ids.
        speech: When the customer spoke, by turns.
        has_whole_delays: Whether delays are integers, as in Node.js.
        sessions: When sessions began, by their ids: speech directly below one is in no turn, as in a call of a realtime
            model.
    """

    __slots__ = ("_warn", "has_whole_delays", "sessions", "speech", "turns")

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self.turns: dict[int, CustomerTurn] = {}
        self.speech: Below[Interval] = {}
        self.has_whole_delays: bool = False
        self.sessions: dict[int, int] = {}

    def turn(self, row: Row, attributes: Mapping[str, object], end_ns: int) -> None:
        """Takes in a turn."""
        get, span_id = attributes.get, row[SPAN]
        silent_ns = heard_ns = None
        if (waited := get(names.END_OF_TURN_DELAY)) is not None:
            silent_ns = self._silent_ns(waited, end_ns)
        if (events := get(names.STT_EVENTS)) is not None:
            heard_ns = self._first_words(row, events)
        said, sure, took = (
            words(attributes, names.USER_TRANSCRIPT),
            get(names.CONFIDENCE),
            get(names.TRANSCRIPTION_DELAY),
        )
        sure = None if sure is None else millionths(sure)
        took = None if took is None else millionths(took)
        turn = row[START], end_ns, said, silent_ns, heard_ns, span_id, sure, took
        self.turns[span_id] = made(CustomerTurn, turn)

    def _silent_ns(self, waited: object, end_ns: int) -> int | None:
        if type(waited) is int and waited:
            self.has_whole_delays = True
        delay = number(waited)
        return end_ns - int(delay * _NS) if delay is not None and 0 <= delay * _NS <= end_ns else None

    def _first_words(self, row: Row, events: object) -> int | None:
        found = listed(events)
        if found.flaw:
            self._warn(Unreadable(view(row, {}), names.STT_EVENTS, found.flaw))
        return first_words_ns(found.items, row[START])

    def take_delays_as_ms(self) -> None:
        """Takes the delays of turns, which were read as seconds, for milliseconds."""
        self.turns = {span_id: in_milliseconds(turn) for span_id, turn in self.turns.items()}

    def said(self, agent_turns: Iterable[AgentTurn], heard: Collection[Utterance]) -> list[Utterance]:
        """Returns what the customer said in turns, what only the agent's turns say, and what was heard besides."""
        own: list[Own] = []
        for span_id, turn in self.turns.items():
            if turn.text:
                speeches = self.speech[span_id].values() if span_id in self.speech else ()
                is_timed = bool(speeches) or turn.silent_ns is not None
                said = customer_said(turn, turn.text, speeches, of_customer(turn), turn.span_id)
                own.append(made(Own, (said, is_timed)))
        never_ended = dict(self._turns_that_never_ended())
        turns = {**self.turns, **never_ended} if never_ended else self.turns
        own += [Own(one, True) for one in customer_asked(agent_turns, turns, self.speech)]
        return customer_heard(own, heard, self.speech)

    def _turns_that_never_ended(self) -> Iterator[tuple[int, CustomerTurn]]:
        """Yields turns of which only the speech is known, as where the call ended in one."""
        for span_id, speeches in self.speech.items():
            if span_id not in self.turns and span_id not in self.sessions:
                start_ns = min(one.start_ns for one in speeches.values())
                end_ns = max(one.end_ns for one in speeches.values())
                yield span_id, CustomerTurn(start_ns, end_ns, None, None, None)
