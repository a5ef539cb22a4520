"""LiveKit's turns as utterances: what was heard, when, and what the customer said without a turn of its own."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel._model.moments import Agent, Customer, Utterance
from roark_otel._model.reading import number, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_start = attrgetter("start_ns")
_NS = 1_000_000_000
_MAX_NS = 2**63
_COMMITTED_NS = 2 * _NS
"""So soon after the customer's turn does the agent's begin that answers it, the app's own hook included."""


class Interval(NamedTuple):
    """A stretch of audio."""

    start_ns: int
    end_ns: int


class Generation(NamedTuple):
    """What the model wrote in one step of a turn. `calls`: it asked for tools, so it was no discarded attempt."""

    start_ns: int
    text: str | None
    calls: bool


class Synthesis(NamedTuple):
    """A text that was turned into speech, for the turn or whatever else its voice worked for."""

    start_ns: int
    text: str
    voice_id: int


class CustomerTurn(NamedTuple):
    """A turn of the customer; without text it was noise, or the call ended before it was committed.

    `silent_ns` is when the customer fell silent, `heard_ns` when the first words were recognised.
    """

    start_ns: int
    end_ns: int
    text: str | None
    silent_ns: int | None
    heard_ns: int | None


class AgentTurn(NamedTuple):
    """A turn of the agent.

    `heard` is what was spoken in its last step, `asked` what it answers, `to_speech` that it answers spoken words.
    """

    start_ns: int
    end_ns: int
    heard: str | None
    asked: str | None
    to_speech: bool
    interrupted: bool
    agent: str | None


def first_words_ns(events: object, since_ns: int) -> int | None:
    """When the first words of a turn were recognised, from the events of its speech recognition.

    Raises:
        ValueError: saying what is wrong with the events.
    """
    found = parsed(events) if isinstance(events, str) else events
    if not isinstance(found, (list, tuple)):
        return None
    known = (cast("dict[str, object]", one) for one in cast("list[object]", found) if isinstance(one, dict))
    times = (number(one.get("received_at")) for one in known)
    return min((int(at * _NS) for at in times if at is not None and since_ns <= at * _NS < _MAX_NS), default=None)


def customer_said(turn: CustomerTurn, speeches: Iterable[Interval], text: str | None = None) -> list[Utterance]:
    """What the customer said in a turn: its own text, or the given one."""
    said = turn.text or text
    if not said:
        return []
    spoken = sorted(speeches)
    if turn.heard_ns is not None:
        # A blip of noise opens a turn too early: speech without a word before the next speech does not count.
        spoken = spoken[max(0, bisect_right([one.start_ns for one in spoken], turn.heard_ns) - 1) :]
    start = spoken[0].start_ns if spoken else turn.start_ns
    end = max((one.end_ns for one in spoken), default=turn.end_ns)
    if turn.silent_ns is not None and turn.silent_ns > start:
        end = min(end, turn.silent_ns)  # before 1.4 the speech spans last until the turn is committed
    return [Utterance(Customer(), said, start, max(start, end))]


def agent_said(turn: AgentTurn, generations: Iterable[Generation], speeches: Iterable[Interval]) -> list[Utterance]:
    """What was heard of the agent in a turn, one utterance for each step that was spoken.

    The turn knows the words that were heard in its last spoken step; earlier steps were spoken as generated. A step
    without speech was thrown away before anyone heard it.
    """
    if turn.heard is None:
        return []
    steps = sorted(generations, key=lambda one: (one.start_ns, one.text or ""))
    spoken = _spoken_steps(steps, speeches) or _written_steps(turn, steps)
    last = max(spoken)
    if _left_over(turn.heard, last, spoken, steps):
        del spoken[last]
        last = max(spoken)
    said: list[Utterance] = []
    for step, when in sorted(spoken.items()):
        cut_short = turn.interrupted and step == last and step >= len(steps) - 1
        if text := turn.heard if step == last else steps[step].text:
            payload = {"interrupted": True} if cut_short else {}
            said.append(Utterance(Agent(), text, when.start_ns, when.end_ns, payload=payload))
    return said


def _spoken_steps(steps: Sequence[Generation], speeches: Iterable[Interval]) -> dict[int, Interval]:
    """When each step was spoken: a speech belongs to the step that began last before it."""
    starts = [one.start_ns for one in steps]
    spoken: dict[int, Interval] = {}
    for one in sorted(speeches):
        step = max(0, bisect_right(starts, one.start_ns) - 1)
        first = spoken.get(step, one)
        spoken[step] = Interval(first.start_ns, max(first.end_ns, one.end_ns))
    return spoken


def _written_steps(turn: AgentTurn, steps: Sequence[Generation]) -> dict[int, Interval]:
    """When each step was written, of a turn without any audio."""
    last = max(0, len(steps) - 1)
    written = {
        step: Interval(one.start_ns, one.start_ns) for step, one in enumerate(steps[:last]) if one.text and one.calls
    }
    start = min(steps[last].start_ns, turn.end_ns) if steps else turn.start_ns
    return {**written, last: Interval(start, max(start, turn.end_ns))}


def _left_over(heard: str, last: int, spoken: Mapping[int, Interval], steps: Sequence[Generation]) -> bool:
    """Whether the heard words are those of the step before, because nothing was heard of the last one."""
    before = [step for step in spoken if step < last]
    return bool(before) and heard == steps[max(before)].text and not (steps[last].text or "").startswith(heard)


def customer_asked(
    agent_turns: Iterable[AgentTurn],
    customer_turns: Mapping[int, CustomerTurn],
    speeches: Mapping[int, tuple[Interval, ...]],
) -> list[Utterance]:
    """What the customer said that stands only on the agent's turn that answers it.

    It was typed, or spoken in a turn that the end of the call left without text.
    """
    voiced = sorted((one for one in customer_turns.values() if one.text), key=_start)
    wordless = ((one, span_id) for span_id, one in customer_turns.items() if not one.text)
    silent = sorted(wordless, key=lambda one: (one[0].start_ns, one[0].end_ns, one[1]))
    voiced_starts, silent_starts = [one.start_ns for one in voiced], [one.start_ns for one, _ in silent]
    answered: set[int] = set()
    rescued: dict[int, Utterance] = {}
    typed: list[Utterance] = []
    for turn in sorted(agent_turns, key=lambda one: (one.start_ns, one.asked or "")):
        if not turn.asked:
            continue
        spoken = bisect_right(voiced_starts, turn.start_ns) - 1
        if spoken >= 0 and _answers(turn, voiced[spoken], spoken in answered):
            if turn.heard:
                answered.add(spoken)
            continue
        unclear = bisect_right(silent_starts, turn.start_ns) - 1
        if unclear >= 0 and turn.start_ns < silent[unclear][0].end_ns:
            where, span_id = silent[unclear]
            where = where._replace(silent_ns=turn.start_ns)  # no span has the silence, but the reply waited for it
            (rescued[unclear],) = customer_said(where, speeches.get(span_id, ()), turn.asked)
        else:
            typed.append(Utterance(Customer(), turn.asked, turn.start_ns, turn.start_ns))
    return [*rescued.values(), *typed]


def _answers(turn: AgentTurn, said: CustomerTurn, answered: bool) -> bool:
    """Whether the turn answers these words.

    A reply may be prepared before its words are complete, and an app may change them before they are answered; so they
    are compared only where nothing else helps.
    """
    if turn.to_speech or turn.start_ns < said.end_ns:
        return True
    return not answered and (turn.asked == said.text or turn.start_ns < said.end_ns + _COMMITTED_NS)


def said_without_turn(speeches: Iterable[Interval] | None, syntheses: Iterable[Synthesis]) -> list[Utterance]:
    """What was said outside of any turn of the agent, as `session.say()` did before 1.4.

    Only what was sent to the speech model has the words: all of it since the speech before.

    Args:
        speeches: When the agent was heard outside of any turn; None if nothing says when it was heard at all.
        syntheses: What was turned into speech outside of any turn.
    """
    loose = sorted(syntheses)
    if speeches is None:
        return [Utterance(Agent(), one.text, one.start_ns) for one in loose]
    said: list[Utterance] = []
    for speech in sorted(speeches):
        count = bisect_right([one.start_ns for one in loose], speech.end_ns)
        if text := " ".join(one.text for one in loose[:count]):
            said.append(Utterance(Agent(), text, speech.start_ns, speech.end_ns))
        loose = loose[count:]
    return said
