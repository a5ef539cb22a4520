"""What only histories say that the agent said, and when: the words of `say()` where no turn has them.

In Node.js `say()` makes no turn of the agent. Its words stand in the history of a later model call, with the times of
their audio. So do the words of turns, which are known; and what the app brought along from an earlier conversation,
which was said before the session began. The span of the speech is below whatever the app did when it called `say()`:
below the session, a tool of a turn, or a span of its own, which may be no part of the conversation.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from roark_otel._model.reading import MAX_DURATION_MS, number, text
from roark_otel._model.times import MAX_NS
from roark_otel.dialects.livekit import names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from roark_otel.dialects.livekit.below import Below
    from roark_otel.dialects.livekit.turns import AgentTurn, Interval

_US: Final = 1_000_000
_SAME_NS: Final = 50_000_000
"""How far apart a span and a history may put the start of the same audio."""


class Spoken(NamedTuple):
    """What a history says that the agent said.

    `first_byte_ms` is how long its voice took; -1: not known. `span_id` is that of the span that shows it first.
    """

    start_ns: int
    end_ns: int
    text: str
    interrupted: bool
    first_byte_ms: int
    span_id: int

    def payload(self) -> dict[str, object]:
        """Returns what is known of it besides its words and times."""
        found: dict[str, object] = {"interrupted": True} if self.interrupted else {}
        if self.first_byte_ms >= 0:
            found["tts_ttfb_ms"] = self.first_byte_ms
        return found


def spoken(item: Mapping[str, object], span_id: int) -> Spoken | None:
    """Returns what an item of a span's history says that the agent said aloud; None if it says nothing of the kind."""
    parts, metrics = item.get("content"), item.get("metrics")
    if not isinstance(parts, list) or not isinstance(metrics, dict):
        return None
    measured = cast("dict[str, object]", metrics).get
    start_ns, end_ns = _ns(measured(names.STARTED_SPEAKING)), _ns(measured(names.STOPPED_SPEAKING))
    words = text("\n".join([one for one in cast("list[object]", parts) if isinstance(one, str)]))
    if words is None or start_ns is None:
        return None
    first_byte = number(measured(names.FIRST_BYTE_OF_VOICE))
    is_known = first_byte is not None and 0 <= first_byte * 1000 <= MAX_DURATION_MS
    first_byte_ms = round(first_byte * 1000) if first_byte is not None and is_known else -1
    was_cut = item.get("interrupted") is True
    return Spoken(start_ns, max(start_ns, end_ns or 0), words, was_cut, first_byte_ms, span_id)


def _ns(seconds: object) -> int | None:
    found = number(seconds)
    return round(found * _US) * 1000 if found is not None and 0 < found * _US * 1000 < MAX_NS else None


def said_alone(
    items: Collection[Spoken], since_ns: int | None, turns: Mapping[int, AgentTurn], speeches: Below[Interval]
) -> dict[int, Spoken]:
    """Returns what was said in speeches that are no turn's own, by the ids of their spans.

    What has no span of speech has a number below 0.

    Args:
        items: What histories say that the agent said.
        since_ns: When the session began; None if that is not known, and only speeches show what is of it.
        turns: The turns of the agent, by their ids.
        speeches: When the agent was heard, by the ids of what is above.
    """
    if not items:
        return {}
    known = sorted(
        (one.start_ns, span_id, parent_id) for parent_id, below in speeches.items() for span_id, one in below.items()
    )
    in_turns: dict[str | None, list[AgentTurn]] = {}
    for turn in turns.values():
        in_turns.setdefault(turn.heard, []).append(turn)
    found: dict[int, Spoken] = {}
    for item in sorted(items):
        if (at := _nearest(known, item.start_ns)) is not None:
            start_ns, span_id, parent_id = known[at]
            if not _is_own(turns.get(parent_id), item, start_ns, speeches[parent_id].values()):
                end_ns = item.end_ns if item.end_ns > item.start_ns else speeches[parent_id][span_id].end_ns
                found.setdefault(span_id, item._replace(start_ns=start_ns, end_ns=end_ns))
        elif (
            since_ns is not None
            and since_ns <= item.start_ns
            and not any(turn.start_ns <= item.start_ns <= turn.end_ns for turn in in_turns.get(item.text, ()))
        ):
            found[-1 - len(found)] = item
    return found


def _nearest(known: list[tuple[int, int, int]], start_ns: int) -> int | None:
    """Returns the place of the speech that began then; None if none did."""
    at = bisect_left(known, (start_ns,))
    near = [place for place in (at - 1, at) if 0 <= place < len(known) and abs(known[place][0] - start_ns) <= _SAME_NS]
    return min(near, key=lambda place: abs(known[place][0] - start_ns), default=None)


def _is_own(turn: AgentTurn | None, item: Spoken, start_ns: int, speeches: Iterable[Interval]) -> bool:
    """Returns whether a speech is its turn's own, rather than one of `say()` in a tool of the turn.

    A turn speaks before its tools do. What it says may be written otherwise in a history, without markup.
    """
    if turn is None or turn.heard is None:
        return False
    return item.text == turn.heard or start_ns == min(one.start_ns for one in speeches)
