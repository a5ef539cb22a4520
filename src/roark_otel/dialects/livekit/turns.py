"""LiveKit's turns as utterances: what was heard, when, and what the customer said without a turn of its own."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel._model.moments import CALLS_CUSTOMER, Utterance, utterance
from roark_otel._model.reading import number
from roark_otel._model.tuples import made
from roark_otel.dialects.livekit.customer_times import spoken_times

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


_start = attrgetter("start_ns")
_when_and_what = itemgetter(0, 1)
_NS = 1_000_000_000
_MAX_NS = 2**63
_COMMITTED_NS = 2 * _NS
"""The agent's reply starts within this long of the customer's turn, the app's own hook included."""


class Interval(NamedTuple):
    """A stretch of audio."""

    start_ns: int
    end_ns: int


class Generation(NamedTuple):
    """What the model wrote in one step of a turn. `calls`: it asked for tools, so it was no discarded attempt.

    `took` is how many millionths of a second its first byte took, None if that is not known.
    """

    start_ns: int
    text: str | None
    calls: bool
    span_id: int
    took: int | None


class Synthesis(NamedTuple):
    """A text that was turned into speech, for the turn or whatever else its voice worked for."""

    start_ns: int
    text: str
    voice_id: int
    span_id: int = 0


class CustomerTurn(NamedTuple):
    """A turn of the customer; without text it was noise, or the call ended before it was committed.

    `silent_ns` is when the customer fell silent, `heard_ns` when the first words were recognised. `sure` is how sure
    the words are and `understood` how long it took to understand them, both in millionths.
    """

    start_ns: int
    end_ns: int
    text: str | None
    silent_ns: int | None
    heard_ns: int | None
    span_id: int = 0
    sure: int | None = None
    understood: int | None = None


class AgentTurn(NamedTuple):
    """A turn of the agent.

    `heard` is what was spoken in its last step, `asked` what it answers, `to_speech` that it answers spoken words.
    `interrupted` is None where the turn does not say it, as in a call of a realtime model in Node.js. `latency` is how
    many millionths of a second it took to answer.
    """

    start_ns: int
    end_ns: int
    heard: str | None
    asked: str | None
    to_speech: bool
    interrupted: bool | None
    agent: str | None
    span_id: int
    latency: int | None


class Step(NamedTuple):
    """Something that the agent said: when, whether it was cut short, and the span that has the words."""

    text: str
    when: Interval
    is_cut: bool
    span_id: int


def first_words_ns(events: Iterable[object], since_ns: int) -> int | None:
    """Returns when the first words of a turn were recognised, from the events of its speech recognition."""
    known = (cast("dict[str, object]", one) for one in events if isinstance(one, dict))
    times = (number(one.get("received_at")) for one in known)
    return min((int(at * _NS) for at in times if at is not None and since_ns <= at * _NS < _MAX_NS), default=None)


def in_milliseconds(turn: CustomerTurn) -> CustomerTurn:
    """Returns a turn whose delays are in ms, although they were read as seconds.

    A turn that is committed because the session closes has the confidence 0 and no delay: nothing was measured.
    """
    silent_ns, sure, understood = turn.silent_ns, turn.sure, turn.understood
    if silent_ns is not None:
        silent_ns = turn.end_ns - (turn.end_ns - silent_ns) // 1000
    if sure == 0 and not understood:
        sure = understood = None
    elif understood is not None:
        understood = round(understood / 1000)
    return turn._replace(silent_ns=silent_ns, sure=sure, understood=understood)


def customer_said(
    turn: CustomerTurn, said: str, speeches: Collection[Interval], payload: dict[str, object], span_id: int
) -> Utterance:
    """Returns what the customer said in a turn: its own text, or what the turn that answers it says, on that span."""
    turn_ends_ns = turn.end_ns
    if len(speeches) == 1:
        ((start, end),) = speeches
    else:
        start, end = spoken_times(turn, speeches) if speeches else (turn.start_ns, turn_ends_ns)
    silent_ns = turn.silent_ns
    if silent_ns is not None and start < silent_ns < end:
        end = silent_ns  # before 1.4 the speech spans last until the turn is committed
    timed = turn.text is not None and start < end < turn_ends_ns  # what ends with its turn may have gone on
    return utterance(CALLS_CUSTOMER, said, start, end if end > start else start, None, payload, timed, span_id)


def agent_said(
    turn: AgentTurn, heard: str, generations: Collection[Generation], speeches: Collection[Interval]
) -> list[Step]:
    """Returns what was heard of the agent in a turn, one text for each step that was spoken.

    The turn knows the words that were heard in its last spoken step; earlier steps were spoken as generated. A step
    without speech was thrown away before anyone heard it.
    """
    if len(speeches) == 1:  # nearly always: then it was spoken in the step that began last before it
        (when,) = speeches
        is_last = len(generations) <= 1 or not turn.interrupted or _begin_before(generations, when.start_ns)
        is_cut = turn.interrupted is True and is_last
        return [made(Step, (heard, when, is_cut, turn.span_id))]
    if len(generations) <= 1:
        when = _around(speeches) or _written(turn, next(iter(generations), None))
        return [Step(heard, when, turn.interrupted is True, turn.span_id)]
    steps = sorted(generations, key=_began)
    spoken = _spoken_steps(steps, speeches) or _written_steps(turn, steps)
    last = max(spoken)
    if _left_over(heard, last, spoken, steps):
        del spoken[last]
        last = max(spoken)
    said: list[Step] = []
    for step, when in sorted(spoken.items()):
        text, span_id = (heard, turn.span_id) if step == last else (steps[step].text, steps[step].span_id)
        if text:
            is_cut = turn.interrupted is True and step == last and step >= len(steps) - 1
            said.append(Step(text, when, is_cut, span_id))
    return said


def _begin_before(generations: Iterable[Generation], at_ns: int) -> bool:
    return all(one.start_ns <= at_ns for one in generations)


def _began(step: Generation) -> tuple[int, str]:
    return step.start_ns, step.text or ""


def _spoken_steps(steps: Sequence[Generation], speeches: Iterable[Interval]) -> dict[int, Interval]:
    """Returns when each step was spoken: a speech belongs to the step that began last before it."""
    starts = [one.start_ns for one in steps]
    spoken: dict[int, Interval] = {}
    for one in sorted(speeches):
        step = max(0, bisect_right(starts, one.start_ns) - 1)
        first = spoken.get(step, one)
        spoken[step] = Interval(first.start_ns, max(first.end_ns, one.end_ns))
    return spoken


def _around(speeches: Collection[Interval]) -> Interval | None:
    """Returns the interval of all speeches, None if there are none."""
    if not speeches:
        return None
    return Interval(min(one.start_ns for one in speeches), max(one.end_ns for one in speeches))


def _written(turn: AgentTurn, last: Generation | None) -> Interval:
    """Returns when the last step was written, of a turn without any audio."""
    start_ns = turn.start_ns if last is None else min(last.start_ns, turn.end_ns)
    return Interval(start_ns, max(start_ns, turn.end_ns))


def _written_steps(turn: AgentTurn, steps: Sequence[Generation]) -> dict[int, Interval]:
    """Returns when each step was written, of a turn without any audio."""
    last = len(steps) - 1
    written = {
        step: Interval(one.start_ns, one.start_ns) for step, one in enumerate(steps[:last]) if one.text and one.calls
    }
    return {**written, last: _written(turn, steps[last])}


def _left_over(heard: str, last: int, spoken: Mapping[int, Interval], steps: Sequence[Generation]) -> bool:
    """Returns whether the heard words are those of the step before, because nothing was heard of the last one."""
    if len(spoken) == 1:
        return False
    before = [step for step in spoken if step < last]
    return heard == steps[max(before)].text and not (steps[last].text or "").startswith(heard)


def customer_asked(
    agent_turns: Iterable[AgentTurn],
    customer_turns: Mapping[int, CustomerTurn],
    speeches: Mapping[int, Mapping[int, Interval]],
) -> list[Utterance]:
    """Returns what the customer said that stands only on the agent's turn that answers it.

    It was typed, or spoken in a turn that the end of the call left without text.
    """
    voiced = sorted([one for one in customer_turns.values() if one.text], key=_start)
    wordless = [(one, span_id) for span_id, one in customer_turns.items() if not one.text]
    silent = sorted(wordless, key=lambda one: (one[0].start_ns, one[0].end_ns, one[1]))
    voiced_starts, silent_starts = [one.start_ns for one in voiced], [one.start_ns for one, _ in silent]
    answered: set[int] = set()
    rescued: dict[int, Utterance] = {}
    typed: list[Utterance] = []
    asking = [(one.start_ns, one.asked, one) for one in agent_turns if one.asked]
    for at_ns, asked, turn in sorted(asking, key=_when_and_what):
        spoken = bisect_right(voiced_starts, at_ns) - 1
        repeated = _repeated(asked, at_ns, voiced, spoken, answered)
        if repeated >= 0 or (spoken >= 0 and _answers(turn, voiced[spoken], spoken in answered)):
            if turn.heard:
                answered.add(repeated if repeated >= 0 else spoken)
            continue
        unclear = bisect_right(silent_starts, at_ns) - 1
        if unclear >= 0 and at_ns < silent[unclear][0].end_ns:
            where, span_id = silent[unclear]
            where = where._replace(silent_ns=at_ns)  # no span has the silence, but the reply waited for it
            rescued[unclear] = customer_said(where, asked, speeches.get(span_id, {}).values(), {}, turn.span_id)
        else:
            typed.append(utterance(CALLS_CUSTOMER, asked, at_ns, at_ns, None, {}, timed=False, span_id=turn.span_id))
    return [*rescued.values(), *typed]


def _repeated(asked: str, at_ns: int, voiced: Sequence[CustomerTurn], last: int, answered: set[int]) -> int:
    """Returns the place of the words that a turn repeats, -1: none. The customer's next turn may have begun by then."""
    for place in (last - 1, last) if last > 0 else range(last + 1):
        if place not in answered:
            said = voiced[place]
            if asked == said.text and at_ns < said.end_ns + _COMMITTED_NS:
                return place
    return -1


def _answers(turn: AgentTurn, said: CustomerTurn, answered: bool) -> bool:
    """Returns whether the turn answers these words.

    A reply may be prepared before its words are complete, and an app may change them before they are answered; so they
    are compared only where nothing else helps.
    """
    if turn.to_speech or turn.start_ns < said.end_ns:
        return True
    return not answered and (turn.asked == said.text or turn.start_ns < said.end_ns + _COMMITTED_NS)


def said_without_turn(
    speeches: Iterable[Interval] | None, syntheses: Iterable[Synthesis]
) -> list[tuple[str, int, int | None, int]]:
    """Returns what was said outside of any turn of the agent, as `session.say()` did before 1.4: from when to when.

    Only what was sent to the speech model has the words: all of it since the speech before. Each has the id of the
    first span of its words.

    Args:
        speeches: When the agent was heard outside of any turn; None if nothing says when it was heard at all.
        syntheses: What was turned into speech outside of any turn.
    """
    loose = sorted(syntheses)
    if speeches is None:
        return [(one.text, one.start_ns, None, one.span_id) for one in loose]
    said: list[tuple[str, int, int | None, int]] = []
    starts, first = [one.start_ns for one in loose], 0
    for speech in sorted(speeches):
        until = bisect_right(starts, speech.end_ns, first)
        if text := " ".join(one.text for one in loose[first:until]):
            said.append((text, speech.start_ns, speech.end_ns, loose[first].span_id))
        first = until
    return said
