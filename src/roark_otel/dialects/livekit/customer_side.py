"""The customer's side of a LiveKit session: turns with words, and when they were spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from roark_otel._model.dialect import Unreadable
from roark_otel._model.json_lists import listed
from roark_otel._model.reading import number, text
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.below import Below, add_below
from roark_otel.dialects.livekit.heard import Own, customer_heard
from roark_otel.dialects.livekit.names import content
from roark_otel.dialects.livekit.turns import (
    CustomerTurn,
    Interval,
    customer_asked,
    customer_said,
    first_words_ns,
    in_milliseconds,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from roark_otel._model.dialect import Warn
    from roark_otel._model.moments import Utterance
    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.livekit.speeds import Speeds
    from roark_otel.dialects.livekit.turns import AgentTurn

_NS = 1_000_000_000
_NONE: Final[Mapping[int, Any]] = {}


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

    def turn(self, span: SpanView, end_ns: int) -> None:
        """Takes in a turn."""
        said, waited = (
            text(content(span.attributes, names.USER_TRANSCRIPT)),
            span.attributes.get(names.END_OF_TURN_DELAY),
        )
        if type(waited) is int and waited:
            self.has_whole_delays = True
        delay = number(waited)
        silent = end_ns - int(delay * _NS) if delay is not None and 0 <= delay * _NS <= end_ns else None
        heard_ns = self._first_words(span)
        self.turns[span.span_id] = CustomerTurn(span.start_ns, end_ns, said, silent, heard_ns, span.span_id)

    def _first_words(self, span: SpanView) -> int | None:
        events = span.attributes.get(names.STT_EVENTS)
        if events is None:
            return None
        found = listed(events)
        if found.flaw:
            self._warn(Unreadable(span, names.STT_EVENTS, found.flaw))
        return first_words_ns(found.items, span.start_ns)

    def speaking(self, span: SpanView, end_ns: int) -> None:
        """Takes in one stretch of speech."""
        add_below(self.speech, span, Interval(span.start_ns, end_ns))

    def take_delays_as_ms(self) -> None:
        """Takes the delays of turns, which were read as seconds, for milliseconds."""
        self.turns = {span_id: in_milliseconds(turn) for span_id, turn in self.turns.items()}

    def said(self, agent_turns: Iterable[AgentTurn], speeds: Speeds, heard: Collection[Utterance]) -> list[Utterance]:
        """Returns what the customer said in turns, what only the agent's turns say, and what was heard besides."""
        own: list[Own] = []
        for span_id, turn in self.turns.items():
            if turn.text:
                speeches = self.speech.get(span_id, _NONE).values()
                is_timed = bool(speeches) or turn.silent_ns is not None
                own += [Own(one, is_timed) for one in customer_said(turn, speeches, speeds.of_customer(span_id))]
        turns = self.turns | dict(self._turns_that_never_ended())
        own += [Own(one, True) for one in customer_asked(agent_turns, turns, self.speech)]
        return customer_heard(own, heard, self.speech)

    def _turns_that_never_ended(self) -> Iterator[tuple[int, CustomerTurn]]:
        """Yields turns of which only the speech is known, as where the call ended in one."""
        for span_id, speeches in self.speech.items():
            if span_id not in self.turns and span_id not in self.sessions:
                start_ns = min(one.start_ns for one in speeches.values())
                end_ns = max(one.end_ns for one in speeches.values())
                yield span_id, CustomerTurn(start_ns, end_ns, None, None, None)
