"""Tool uses that an app reports in two halves, `roark.tool_call` and `roark.tool_result`, put together.

Halves with an id belong to that id. Those without one belong together by name and order, and so do a half with an id
and one without.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from roark_otel import attributes
from roark_otel._model.tool_uses import Half, Sequences, is_answered, together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel._model.moments import ToolUse


class Halves:
    """Gathers reports of tool uses, in any order."""

    __slots__ = ("_by_id", "_by_name")

    def __init__(self) -> None:
        self._by_id: dict[str, list[Half]] = {}
        self._by_name: defaultdict[str, list[Half]] = defaultdict(list)

    def add(self, event: object, use: ToolUse) -> bool:
        """Takes in what an event reports. Returns whether it may have another half."""
        half = Half(use, is_result=event == attributes.TOOL_RESULT_EVENT)
        if use.call_id is not None:
            self._by_id.setdefault(use.call_id, []).append(half)
        elif event != attributes.TOOL_INVOCATION_EVENT:
            self._by_name[use.name].append(half)
        else:
            return False
        return True

    def uses(self) -> Iterator[ToolUse]:
        """Yields every use, in any order."""
        named = {name: list(halves) for name, halves in self._by_name.items()}
        for several in self._by_id.values():
            if len(several) == 1 and several[0].use.name not in named:
                yield several[0].use
                continue
            made = Sequences.of(sorted(several, key=_order))
            for use in together(made.found):
                if is_answered(use) or use.name not in named:
                    yield use
                else:
                    named[use.name].append(Half(use, is_result=False))
            for use in made.unclaimed:
                if use.name in named:
                    named[use.name].append(Half(use, is_result=True))
                else:
                    yield use
        for halves in named.values():
            made = Sequences.of(sorted(halves, key=_order))
            yield from made.found
            yield from made.unclaimed


def _order(half: Half) -> tuple[int, bool, str]:
    """Sorts the first half first; equals in an order that does not depend on how the spans ended."""
    return half.use.start_ns, half.is_result, repr(half.use)
