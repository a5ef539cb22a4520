"""What the customer said, and when: one utterance for all that was recognised before the agent took over."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.moments import Customer, Utterance
from roark_otel._model.reading import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from roark_otel.dialects.pipecat.rows import Row
    from roark_otel.dialects.pipecat.turns import Turns


_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class Words(NamedTuple):
    """What was recognised, and in what language."""

    text: str
    language: str | None


class Spoken(NamedTuple):
    """What the customer said in one go.

    `end_ns` is when the customer fell silent, where spans measure it, else None. `heard_ns` is when the words were
    known. `live` says that a speech-to-speech model wrote them down, whose spans begin late and end with the next
    words.
    """

    turn_id: int
    start_ns: int
    end_ns: int | None
    heard_ns: int | None
    live: bool
    text: str
    language: str | None
    ttfb_ns: int | None


def spoken(rows: Sequence[Row[Words]], replies: Sequence[int]) -> list[Spoken]:
    """What the customer said, by start.

    Args:
        rows: What was recognised, by start.
        replies: When the agent began to think or to speak, in order.
    """
    said: list[Spoken] = []
    for row in rows:
        one = _spoken(row)
        if said and _goes_on(said[-1], one, replies):
            said[-1] = _joined(said[-1], one)
        else:
            said.append(one)
    return said


def _spoken(row: Row[Words]) -> Spoken:
    ttfb_ns = None if row.flag else row.ttfb_ns
    measured = row.end_ns - ttfb_ns if row.end_ns is not None and ttfb_ns is not None else None
    end_ns = None if measured is None or measured < row.start_ns else measured
    return Spoken(
        row.parent_id, row.start_ns, end_ns, row.end_ns, row.flag, row.words.text, row.words.language, ttfb_ns
    )


def _goes_on(one: Spoken, other: Spoken, replies: Sequence[int]) -> bool:
    """Whether both belong together: the agent took neither's end for the end of the customer's turn."""
    if one.live or other.live:
        return one.turn_id == other.turn_id and one.turn_id != 0
    if one.turn_id != other.turn_id or one.heard_ns is None:
        return False
    first = bisect_right(replies, one.heard_ns)
    return first == len(replies) or (other.heard_ns is not None and replies[first] > other.heard_ns)


def _joined(one: Spoken, other: Spoken) -> Spoken:
    return one._replace(
        end_ns=other.end_ns if one.end_ns is None or other.end_ns is None else max(one.end_ns, other.end_ns),
        heard_ns=other.heard_ns,
        text=f"{one.text} {other.text}",
        language=one.language or other.language,
        ttfb_ns=other.ttfb_ns,
    )


def customer_said(said: Sequence[Spoken], turns: Turns, answered: Mapping[int, int]) -> Iterator[Utterance]:
    """What the customer said as utterances.

    Args:
        said: What was said, by start.
        turns: The turns.
        answered: When the agent first spoke in each turn.
    """
    last_in_turn = {one.turn_id: one for one in said}
    for one in said:
        turn = turns.get(one.turn_id)
        answer_ns = answered.get(one.turn_id)
        start_ns, end_ns = one.start_ns, one.end_ns
        if one.live and turn is not None and one.turn_id != turns.first_id:
            start_ns = turn.start_ns
        if end_ns is None and one is last_in_turn[one.turn_id] and turn and answer_ns and turn.ttfb_ns is not None:
            # The latency counts from true silence, which nothing else shows without metrics.
            end_ns = answer_ns - turn.ttfb_ns
            end_ns = end_ns if one.live or one.heard_ns is None else min(end_ns, one.heard_ns)
        if end_ns is None or end_ns < start_ns:
            end_ns = answer_ns if one.live else one.heard_ns
        if one.live and end_ns is not None:
            start_ns = min(start_ns, end_ns)
        payload = {} if one.ttfb_ns is None else {"stt_ttfb_ms": one.ttfb_ns // 1_000_000}
        utterance = Utterance(Customer(), one.text, start_ns, end_ns, one.language, payload)
        yield utterance if end_ns is None else replace(utterance, end_ns=max(start_ns, end_ns))


def language_code(value: object) -> str | None:
    """A language as its code, None if it is none."""
    language, *region = (text(value) or "").removeprefix("Language.").replace("_", "-").split("-")
    code = "-".join((language.lower(), *region))
    return code if _LANGUAGE.fullmatch(code) else None
