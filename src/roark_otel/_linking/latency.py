"""Times the utterances of a call: when each ends, and how long the customer waited for the agent's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel._model.moments import Agent
from roark_otel._model.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel._model.moments import Utterance
    from roark_otel._model.steps import Pause

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Timed:
    """What the times of all utterances give.

    Args:
        ends_ns: The end of each utterance: its own, else the start of the next one, else the call's end.
        waits_ms: One wait for each answer, sorted: from the end of what the customer said to the start of what the
            agent says next, where both were measured. An answer that began before, because one of them did not wait,
            has none.
        interruptions: How many utterances were interrupted.
    """

    ends_ns: Sequence[int]
    waits_ms: Sequence[int]
    interruptions: int


def timed(said: Sequence[Utterance], ended_ns: int, pause: Pause) -> Timed:
    """Times utterances in order, in one pass from the last to the first."""
    ends: list[int] = []
    waits: list[int] = []
    interruptions = 0
    next_ns = max(said[-1].start_ns, ended_ns) if said else 0
    answer_ns: int | None = None
    for one in in_steps(reversed(said), pause):
        start_ns, end_ns = one.start_ns, one.end_ns
        if end_ns is None:
            end_ns = next_ns
        ends.append(end_ns)
        is_agent = isinstance(one.speaker, Agent)
        if answer_ns is not None and one.end_ns is not None and one.timed and not is_agent:
            waits.append((answer_ns - end_ns) // _NS_PER_MS)
        if one.payload and one.payload.get("interrupted") is True:
            interruptions += 1
        next_ns, answer_ns = start_ns, start_ns if is_agent and one.timed else None
    return Timed(ends[::-1], sorted(wait for wait in waits if wait >= 0), interruptions)
