"""What the customer said, and when: one utterance for all that was recognised before the agent took over."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.moments import CALLS_CUSTOMER, Utterance, utterance
from roark_otel._model.reading import text
from roark_otel._model.rows import PARENT, SPAN, START
from roark_otel._model.tuples import made
from roark_otel.dialects.pipecat import names
from roark_otel.dialects.pipecat.stretches import ttfb_ns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from roark_otel._model.rows import Row
    from roark_otel.dialects.pipecat.turns import Turns


_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class Spoken(NamedTuple):
    """What the customer said in one go, as one span has it or several that belong together.

    `end_ns` is when the customer fell silent, where spans measure it, else None. `heard_ns` is when the words were
    known. `live` says that a speech-to-speech model wrote them down, whose spans begin late and end with the next
    words.
    """

    start_ns: int
    span_id: int
    turn_id: int
    end_ns: int | None
    heard_ns: int | None
    live: bool
    text: str
    language: str | None
    ttfb_ns: int | None


def recognised(row: Row, attributes: Mapping[str, object], heard_ns: int | None) -> Spoken | None:
    """Returns what a span that ended at `heard_ns` holds of the customer's words, None if there are none."""
    get = attributes.get
    said = text(get(names.TRANSCRIPT))
    if said is None:
        return None
    start_ns, live = row[START], _is_live(get(names.PROVIDER[0]), get(names.PROVIDER[1]))
    # A speech-to-speech model measures something else.
    took_ns = None if live else ttfb_ns(row, attributes)
    end_ns = None if heard_ns is None or took_ns is None or heard_ns - took_ns < start_ns else heard_ns - took_ns
    language = get(names.LANGUAGE)
    code = None if language is None else language_code(language)
    return made(Spoken, (start_ns, row[SPAN], row[PARENT], end_ns, heard_ns, live, said, code, took_ns))


def _is_live(provider: object, system: object) -> bool:
    """Returns whether the provider is a speech-to-speech model."""
    if provider is None and system is None:
        return False
    return (text(provider) or text(system) or "").lower().endswith(names.SPEECH_TO_SPEECH)


def spoken(words: Iterable[Spoken], replies: Sequence[int]) -> list[Spoken]:
    """Returns what the customer said, by start.

    Args:
        words: What each span holds, by start.
        replies: When the agent began to think or to speak, in order.
    """
    said: list[Spoken] = []
    for one in words:
        if said and _goes_on(said[-1], one, replies):
            said[-1] = _joined(said[-1], one)
        else:
            said.append(one)
    return said


def _goes_on(one: Spoken, other: Spoken, replies: Sequence[int]) -> bool:
    """Returns whether both belong together: the agent took neither's end for the end of the customer's turn."""
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
    """Yields what the customer said as utterances.

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
        timed = end_ns is not None
        if one.live and turn is not None and one.turn_id != turns.first_id:
            start_ns = turn.start_ns
        if end_ns is None and one is last_in_turn[one.turn_id] and turn and answer_ns and turn.latency_ns is not None:
            # The latency counts from true silence, which nothing else shows without metrics.
            silent_ns = answer_ns - turn.latency_ns
            end_ns = silent_ns if one.live or one.heard_ns is None else min(silent_ns, one.heard_ns)
            timed = end_ns == silent_ns
        if end_ns is None or end_ns < start_ns:
            timed = False
            end_ns = answer_ns if one.live else one.heard_ns
        if one.live and end_ns is not None:
            start_ns = min(start_ns, end_ns)
        if end_ns is not None and end_ns < start_ns:
            end_ns = start_ns
        payload: dict[str, object] = {} if one.ttfb_ns is None else {"stt_ttfb_ms": one.ttfb_ns // 1_000_000}
        yield utterance(CALLS_CUSTOMER, one.text, start_ns, end_ns, one.language, payload, timed, one.span_id)


def entered(entries: Iterable[Spoken]) -> Iterator[Utterance]:
    """Yields what the customer entered, or said at a time that nothing shows: at the moment the model was asked."""
    for one in entries:
        yield utterance(CALLS_CUSTOMER, one.text, one.start_ns, one.end_ns, None, {}, timed=False, span_id=one.span_id)


def language_code(value: object) -> str | None:
    """Returns a language as its code, None if it is not one."""
    if isinstance(value, str) and _CODE.fullmatch(value):
        return value
    language, *region = (text(value) or "").removeprefix("Language.").replace("_", "-").split("-")
    code = "-".join((language.lower(), *region))
    return code if _LANGUAGE.fullmatch(code) else None
