"""Which of the tool uses that one source reports another one repeats: a framework's spans, and those below it.

Two sources may use ids of their own, none, or one id for several uses, and measure times in their own way. Each use is
repeated once at most: so what two sources report twice stays two, however alike the two are. The surest pairs are made
first: those with all in common, then those that only do not contradict each other.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.steps import in_steps, no_pause
from roark_otel._model.tool_uses import agree, is_answered

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from roark_otel._model.moments import ToolUse
    from roark_otel._model.steps import Pause

NEAR_NS: Final = 2_000_000_000
"""The longest that two sources may disagree about when a use was, in ns, where more than its name is the same."""

_LOOK_AHEAD: Final = 16
"""The most uses that are looked at for the one that another source repeats."""

_ITEM: Final = re.compile(r"fc(?=[_\d])")
"""What begins the id that OpenAI gives the item of a call, beside the id of the call itself."""

_SEPARATORS: Final = frozenset("._:/-")


class _Round(NamedTuple):
    """Pairs uses of one key that pass a test. `is_timely`: only of about the same time."""

    key: Callable[[ToolUse], Hashable]
    test: Callable[[ToolUse, ToolUse], bool]
    is_timely: bool


def repeats(known: Sequence[ToolUse], uses: Sequence[ToolUse], pause: Pause = no_pause) -> dict[int, int]:
    """Returns which uses repeat a known one: the index of the known one by theirs.

    Args:
        known: The uses of one source, each once, in the order of time.
        uses: Those of another one, each once, in the order of time.
        pause: Called after every few.
    """
    found: dict[int, int] = {}
    taken: set[int] = set()
    for one in (*_WITH_ONE_ID, *_WITHOUT_ONE_ID) if known and uses else ():
        if len(found) == min(len(uses), len(known)):
            break
        waiting = _waiting(known, taken, one, pause)
        for index in in_steps([index for index in range(len(uses)) if index not in found], pause):
            if (several := waiting.get(one.key(uses[index]))) and (at := _first(several, known, uses[index], one)) >= 0:
                found[index] = at
                taken.add(at)
    return found


def _waiting(known: Sequence[ToolUse], taken: set[int], one: _Round, pause: Pause) -> Mapping[Hashable, list[int]]:
    """Returns the known uses that are not paired yet, by their keys, the first one last."""
    found: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index in in_steps([index for index in range(len(known) - 1, -1, -1) if index not in taken], pause):
        found[one.key(known[index])].append(index)
    return found


def _first(waiting: list[int], known: Sequence[ToolUse], use: ToolUse, one: _Round) -> int:
    """Takes out the first of some uses that passes a test. Returns its index, -1 if there is none."""
    while one.is_timely and waiting and _end_ns(known[waiting[-1]]) + NEAR_NS < use.start_ns:
        waiting.pop()  # it was over before this use, and before all that follow
    for place in range(len(waiting) - 1, max(-1, len(waiting) - 1 - _LOOK_AHEAD), -1):
        if one.test(known[waiting[place]], use):
            return waiting.pop(place)
    return -1


# What uses have in common


def _id_and_values(use: ToolUse) -> Hashable:
    return _id(use), use.name, _text(use.parameters)


def _id(use: ToolUse) -> Hashable:
    return object() if use.call_id is None else use.call_id


def _name(use: ToolUse) -> Hashable:
    return use.name


def _name_and_parameters(use: ToolUse) -> Hashable:
    return use.name, _text(use.parameters)


def _name_and_some_parameters(use: ToolUse) -> Hashable:
    """Returns a key that no other use has if a use has no parameters: a source that leaves them out has none either."""
    return use.name, _text(use.parameters) if use.parameters else object()


def _name_and_outcome(use: ToolUse) -> Hashable:
    return use.name, _text(use.outcome) if is_answered(use) else object()


def _text(value: object) -> str:
    """Returns a text that is the same for equal values, as far as a text can be."""
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except (ValueError, TypeError, RecursionError):
        return str(id(value))


# Whether they may be the same


def _any(_known: ToolUse, _use: ToolUse) -> bool:
    return True


def _at_once(known: ToolUse, use: ToolUse) -> bool:
    return use.start_ns <= _end_ns(known) and known.start_ns <= _end_ns(use)


def _near(known: ToolUse, use: ToolUse) -> bool:
    return use.start_ns <= _end_ns(known) + NEAR_NS and known.start_ns <= _end_ns(use) + NEAR_NS


def _near_and_agree(known: ToolUse, use: ToolUse) -> bool:
    return _near(known, use) and agree(known, use)


def _near_and_alike(known: ToolUse, use: ToolUse) -> bool:
    return _near(known, use) and are_alike(known.name, use.name)


def _at_once_by_parameters(known: ToolUse, use: ToolUse) -> bool:
    return _at_once(known, use) and _may_have_one_id(known, use)


def _at_once_by_outcome(known: ToolUse, use: ToolUse) -> bool:
    return _at_once(known, use) and agree(known, use) and _may_have_one_id(known, use)


def _at_once_by_name(known: ToolUse, use: ToolUse) -> bool:
    if not (_at_once(known, use) and _may_have_one_id(known, use)):
        return False
    is_within = known.start_ns <= use.start_ns and _end_ns(use) <= _end_ns(known)
    differ = is_answered(known) and is_answered(use) and known.outcome != use.outcome
    return agree(known, use) or (is_within and not differ)


def _just_over(known: ToolUse, use: ToolUse) -> bool:
    """Returns whether one source reports, before or after it, what the other one reports of its time."""
    if not (_near_and_agree(known, use) and _may_have_one_id(known, use)):
        return False
    if is_answered(known) and is_answered(use):
        return known.outcome == use.outcome
    return known.end_ns is None or use.end_ns is None


def _may_have_one_id(known: ToolUse, use: ToolUse) -> bool:
    """Returns whether two sources may mean one use although they do not give it the same id."""
    one, other = known.call_id, use.call_id
    if one is None or other is None:
        return True
    return one != other and (are_alike(one, other) or is_of_item(one) != is_of_item(other))


def is_of_item(call_id: str) -> bool:
    """Returns whether an id is that of the item of a call, and not of the call itself."""
    return _ITEM.match(call_id) is not None


def are_alike(one: str, other: str) -> bool:
    """Returns whether one word is the other, in any case, or with a word before it."""
    short, long = sorted((one.casefold(), other.casefold()), key=len)
    return long == short or (long.endswith(short) and bool(short) and long[-len(short) - 1] in _SEPARATORS)


def _end_ns(use: ToolUse) -> int:
    return use.start_ns if use.end_ns is None else use.end_ns


_WITH_ONE_ID: Final = (
    _Round(_id_and_values, _at_once, is_timely=True),
    _Round(_id_and_values, _near, is_timely=True),
    _Round(_id, _near_and_agree, is_timely=True),
    _Round(_id_and_values, _any, is_timely=False),
    _Round(_id, agree, is_timely=False),
    _Round(_id, _near_and_alike, is_timely=True),
)
_WITHOUT_ONE_ID: Final = (
    _Round(_name_and_parameters, _at_once_by_parameters, is_timely=True),
    _Round(_name_and_outcome, _at_once_by_outcome, is_timely=True),
    _Round(_name, _at_once_by_name, is_timely=True),
    _Round(_name_and_some_parameters, _just_over, is_timely=True),
    _Round(_name_and_outcome, _just_over, is_timely=True),
    _Round(_name, _just_over, is_timely=True),
)
