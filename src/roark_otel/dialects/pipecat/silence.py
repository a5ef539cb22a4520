"""Which side of a conversation did not speak, and which one spoke without a word on any span.

Nothing shows that a customer was silent: speech recognition has no span until there are words, and may be that of a
transport or of an app's own service, which have none. Of the agent turns know it. One ends only when the agent has
spoken, or with the call: so the only turn of a call, in which the customer spoke and no answer was timed, has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel.dialects.pipecat.turns import Closed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roark_otel.dialects.pipecat.customer import Spoken
    from roark_otel.dialects.pipecat.stretches import Stretch, Turn
    from roark_otel.dialects.pipecat.turns import Turns


def silent_agent(
    turns: Turns, each: Sequence[Turn], said: Sequence[Spoken], models: Sequence[Stretch], speeches: Sequence[Stretch]
) -> bool:
    """Returns whether the agent never spoke, as its only turn shows.

    Args:
        turns: The turns.
        each: The same, in any order.
        said: What the customer said.
        models: What models wrote.
        speeches: What was to be spoken.
    """
    if len(each) != 1 or speeches or not models or any(one.flag or one.text is not None for one in models):
        return False
    (turn,) = each
    # Without voice activity detection no answer is timed; with it, recognition is.
    is_timed = any(one.turn_id == turn.span_id and one.end_ns is not None for one in said)
    return is_timed and turn.latency_ns is None and turns.closed(turn) is Closed.BY_HANG_UP


def wordless(
    turns: Turns, models: Sequence[Stretch], speeches: Sequence[Stretch], *, has_customer: bool, has_agent: bool
) -> Iterator[tuple[str, str]]:
    """Yields the facts that a side spoke without words, and why.

    Args:
        turns: The turns.
        models: What models wrote.
        speeches: What was to be spoken.
        has_customer: Whether there are words of the customer.
        has_agent: Whether there are words of the agent.
    """
    if speeches and not (has_customer or has_agent):
        yield "wordless_agent", "content"
    is_live = any(one.flag for one in models)
    if is_live and has_agent and not has_customer and turns.any_latency:
        yield "wordless_customer", "realtime"
