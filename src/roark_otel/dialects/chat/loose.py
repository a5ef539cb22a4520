"""Answers of tools in lists that do not hold the call: a service that keeps the history itself is given only these."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.repeated_uses import is_of_item
from roark_otel._model.tool_uses import is_answered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel._model.moments import Outcome, ToolUse
    from roark_otel.dialects.chat.shapes import Answer

_LOOK_AHEAD: Final = 16
"""The most uses that are looked at for that of an answer."""


class _Loose(NamedTuple):
    at_ns: int
    text: str
    call_id: str | None
    name: str | None
    outcome: Outcome


class LooseAnswers:
    """Gathers answers without their calls, in any order of spans."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[tuple[str | None, str | None, str, int], _Loose] = {}

    def add(self, start_ns: int, answer: Answer, outcome: Outcome) -> None:
        """A model was asked with an answer; one without an id that comes again is the same."""
        text = repr(outcome)
        one = _Loose(start_ns, text, answer.call_id, answer.name, outcome)
        key = (answer.call_id, answer.name, text, start_ns if answer.call_id else 0)
        self._found[key] = min(one, self._found.get(key, one), key=lambda loose: loose.at_ns)

    def given_to(self, uses: Sequence[ToolUse]) -> list[ToolUse]:
        """Returns the uses, those without an answer with theirs."""
        if not self._found:
            return list(uses)
        waiting = _Waiting(uses)
        for loose in sorted(self._found.values(), key=lambda loose: (loose.at_ns, loose.text)):
            waiting.take(loose)
        return waiting.uses


class _Waiting:
    """Uses, some of which have no answer yet.

    An answer is that of the use of its id made last before it, or without such an id, of the first of its name.
    """

    def __init__(self, uses: Sequence[ToolUse]) -> None:
        self.uses = list(uses)
        self._of_id: defaultdict[str | None, list[int]] = defaultdict(list)
        self._of_name: defaultdict[str | None, deque[int]] = defaultdict(deque)
        for index in sorted(range(len(uses)), key=lambda index: uses[index].start_ns):
            if not is_answered(uses[index]):
                self._of_id[uses[index].call_id].append(index)
                self._of_name[uses[index].name].append(index)
                self._of_name[None].append(index)

    def take(self, loose: _Loose) -> None:
        """Gives a use its answer."""
        has_id = loose.call_id is not None and loose.call_id in self._of_id
        index = self._last_of_id(loose) if has_id else self._first_of_name(loose)
        if index is not None:
            use = self.uses[index]
            self.uses[index] = replace(use, outcome=loose.outcome, end_ns=max(use.start_ns, loose.at_ns))

    def _last_of_id(self, loose: _Loose) -> int | None:
        waiting = self._of_id[loose.call_id]
        for place in range(len(waiting) - 1, -1, -1):
            if self.uses[waiting[place]].start_ns <= loose.at_ns:
                return waiting.pop(place)
        return None

    def _first_of_name(self, loose: _Loose) -> int | None:
        waiting = self._of_name[loose.name]
        while waiting and is_answered(self.uses[waiting[0]]):
            waiting.popleft()
        return next((index for index in islice(waiting, _LOOK_AHEAD) if self._may_be(index, loose)), None)

    def _may_be(self, index: int, loose: _Loose) -> bool:
        use = self.uses[index]
        if is_answered(use) or use.start_ns > loose.at_ns:
            return False
        one, other = use.call_id, loose.call_id
        return one is None or other is None or is_of_item(one) != is_of_item(other)
