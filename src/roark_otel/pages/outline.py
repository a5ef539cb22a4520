"""The outline of a call: who said what and which tools were used, as text that is the same in every run.

    customer: Where is A-17?
      find_order(order_id="A-17") -> {"status": "shipped"}
    agent: It was shipped.
    ended: CUSTOMER_ENDED_CALL

It has no times and no ids, so it is what snapshots keep, what `roark-otel calls diff` compares, and what the terminal
and the page show.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

from roark_otel.pages.values import Json, end, entries, in_line, offset, part, printable, start, text

if TYPE_CHECKING:
    from collections.abc import Iterator

INDENT: Final = "  "
_LONGEST: Final = "response_latency_max_ms"
"""The property that states the longest wait of which both edges were measured."""

_ROUNDED_MS: Final = 1
"""By how much a wait between two offsets may differ from the wait that was measured."""

CUT_OFF: Final = " —"
"""Follows words of the agent that the customer cut off."""


def outline(body: Json, *, times: bool = False) -> str:
    """Returns the outline of a call.

    Args:
        body: The call as `POST /v1/call` takes it.
        times: Whether each line begins with its start, in seconds with one decimal.

    Returns:
        Lines that each end with a line feed; empty for a call without words, tools and an end.
    """
    lines = [*_lines(body, times=times), *_ended(body)]
    return "".join(f"{line}\n" for line in lines)


def _lines(body: Json, *, times: bool) -> Iterator[str]:
    several = len(entries(body, "agents")) > 1
    for one, is_tool in in_order(body):
        when = f"{start(one) / 1000:6.1f}  " if times else ""
        yield when + (tool_line(one) if is_tool else said_line(one, with_agent=several))


def in_order(body: Json) -> list[tuple[Json, bool]]:
    """Returns entries and tool uses by their start, each with whether it is a tool use."""
    said = [(one, False) for one in entries(body, "transcript")]
    used = [(one, True) for one in entries(body, "toolInvocations")]
    return sorted([*said, *used], key=lambda one: start(one[0]))


def said_line(entry: Json, *, with_agent: bool = False) -> str:
    """Returns the line of an entry of the transcript."""
    who = printable(text(entry, "role").lower()) or "someone"
    name = text(part(entry, "agent"), "name") or text(part(entry, "agent"), "customId") if with_agent else ""
    cut = CUT_OFF if part(entry, "payload").get("interrupted") is True else ""
    return f"{who}{f' ({printable(name)})' if name else ''}: {printable(text(entry, 'text'))}{cut}"


def tool_line(use: Json) -> str:
    """Returns the line of a tool use."""
    given = ", ".join(f"{printable(str(key))}={in_line(value)}" for key, value in part(use, "parameters").items())
    return f"{INDENT}{printable(text(use, 'name'))}({given}) -> {in_line(use.get('result'))}"


def _ended(body: Json) -> Iterator[str]:
    if ended := text(body, "endedStatus"):
        yield f"ended: {printable(ended)}"


def answers(body: Json) -> list[tuple[Json, Json, int]]:
    """Returns each wait of the customer: what was said, the answer, and the ms between them.

    A wait is from the end of what the customer said last to the start of what the agent says next, where both were
    measured. Entries do not say whether they were: an end that is the start of the next entry, or a wait longer than
    any that the call states, was not, nor is any wait of a call that states none.
    """
    longest = _longest_ms(body)
    found: list[tuple[Json, Json, int]] = []
    asked: Json | None = None
    for entry in sorted(entries(body, "transcript"), key=start):
        if text(entry, "role") == "CUSTOMER":
            asked = entry
        elif asked is not None:
            was_spoken = offset(asked, "endOffsetMs") is not None and "way" not in part(asked, "payload")
            if was_spoken and 0 < (waited := start(entry) - end(asked)) <= longest:
                found.append((asked, entry, waited))
            asked = None
    return found


def _longest_ms(body: Json) -> float:
    """Returns the longest wait that a call states, as a number or, at Roark, as text; 0 if it states none."""
    try:
        return float(str(part(body, "properties").get(_LONGEST))) + _ROUNDED_MS
    except ValueError:
        return 0


def interruptions(body: Json) -> list[Json]:
    """Returns the entries of the agent that the customer cut off."""
    said = sorted(entries(body, "transcript"), key=start)
    theirs = [one for one in said if text(one, "role") == "CUSTOMER"]
    starts = [start(one) for one in theirs]
    return [
        one
        for one in said
        if text(one, "role") == "AGENT"
        and (
            part(one, "payload").get("interrupted") is True
            or any(
                end(one) <= end(other)
                for other in theirs[bisect_right(starts, start(one)) : bisect_left(starts, end(one))]
            )
        )
    ]
