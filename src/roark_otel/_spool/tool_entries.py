"""Tool invocations that come to a call later: which of them belong to one that the call has already. Pure.

The rule is that of `roark_otel._model.tool_uses`, without ids, which a body does not have: one entry fills in what
another one lacks, and a second result is that of another use.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]

UNNAMED: Final = "unknown"
"""The name of a tool of which only the result is known."""

_LOOK_BACK: Final = 64
"""The most invocations of one name among which the other half is looked for."""


def start_ms(entry: Mapping[str, Any]) -> int:
    """Returns when an entry begins, in ms from the start of its call."""
    return int(entry["startOffsetMs"])


def is_half(entry: Mapping[str, Any]) -> bool:
    """Returns whether an invocation is only a result, of a use that it does not name."""
    return bool(entry.get("name") == UNNAMED and not entry.get("parameters"))


def with_later(known: Iterable[Json], later: Iterable[Json]) -> list[Json]:
    """Returns invocations in the order of their starts, with others that came later, each use once.

    Args:
        known: The invocations of a call.
        later: Others of it.
    """
    merged = _Merged(known)
    for entry in sorted(later, key=start_ms):
        merged.add(entry)
    return sorted(merged.found, key=start_ms)


class _Merged:
    """Invocations, each use once."""

    def __init__(self, known: Iterable[Json]) -> None:
        self.found: list[Json] = []
        self._by_name: defaultdict[object, list[int]] = defaultdict(list)
        self._by_start: defaultdict[tuple[object, int], list[int]] = defaultdict(list)
        self._open: dict[int, None] = {}
        for entry in known:
            self._append(entry)

    def add(self, entry: Json) -> None:
        """Adds an invocation that came later."""
        index = self._of_half(entry) if is_half(entry) else self._of_name(entry)
        if index is None:
            self._append(entry)
        else:
            self.found[index] = _completed(self.found[index], entry)
            if self.found[index]["result"]:
                self._open.pop(index, None)

    def _append(self, entry: Json) -> None:
        self._by_name[entry.get("name")].append(len(self.found))
        self._by_start[entry.get("name"), start_ms(entry)].append(len(self.found))
        if not entry.get("result"):
            self._open[len(self.found)] = None
        self.found.append(entry)

    def _of_half(self, entry: Json) -> int | None:
        """The only invocation that a result without a name may be of."""
        may_be = [index for index in islice(self._open, _LOOK_BACK) if _is_open(self.found[index], entry)]
        return may_be[0] if len(may_be) == 1 else None

    def _of_name(self, entry: Json) -> int | None:
        """The invocation that an entry repeats or completes."""
        name = entry.get("name")
        at_once, recent = self._by_start[name, start_ms(entry)], self._by_name[name][-_LOOK_BACK:]
        same = (index for index in at_once if _repeats(self.found[index], entry))
        half = (index for index in reversed(recent) if _completes(self.found[index], entry))
        return next(same, next(half, None))


def _repeats(one: Json, entry: Json) -> bool:
    """Returns whether no result of two entries of one time differs."""
    same_result = not one.get("result") or not entry.get("result") or one["result"] == entry["result"]
    return _agree(one, entry) and same_result


def _completes(one: Json, entry: Json) -> bool:
    if not _agree(one, entry):
        return False
    return _is_open(one, entry) or (bool(one.get("result")) and not entry.get("result") and _overlap(one, entry))


def _is_open(one: Json, entry: Json) -> bool:
    """Returns whether an entry may be what came of an invocation."""
    if one.get("result") or not entry.get("result") or start_ms(entry) < start_ms(one):
        return False
    return "endOffsetMs" not in one or _overlap(one, entry)


def _overlap(one: Json, entry: Json) -> bool:
    return start_ms(entry) <= _end_ms(one) and start_ms(one) <= _end_ms(entry)


def _agree(one: Json, entry: Json) -> bool:
    given, other = one.get("parameters"), entry.get("parameters")
    return not given or not other or given == other


def _completed(one: Json, entry: Json) -> Json:
    """Returns an invocation with what another entry of it adds."""
    ends_ms = [_end_ms(each) for each in (one, entry) if "endOffsetMs" in each]
    found: Json = {**entry, **one}
    for name in ("parameters", "result"):
        found[name] = one.get(name) or entry.get(name)
    return {**found, "endOffsetMs": max(ends_ms)} if ends_ms else found


def _end_ms(entry: Mapping[str, Any]) -> int:
    return int(entry.get("endOffsetMs", entry["startOffsetMs"]))
