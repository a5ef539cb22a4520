"""Orders moments, so that equal ones do not depend on the order in which their spans ended."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter, itemgetter, lt
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from roark_otel._model.moments import Fact, ToolUse, Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T", Utterance, ToolUse)

_start = cast("Callable[[Utterance | ToolUse], int]", attrgetter("start_ns"))


def in_order(moments: Iterable[T]) -> list[T]:
    """Sorts moments by start, then by end, then by speaker or name, then by everything else."""
    return _sorted(moments, _KEYS)


def is_later(one: Fact, other: Fact) -> bool:
    """Returns whether a fact holds over another of its name and dialect: by its time, its span, then its value."""
    mine, theirs = (one.time_ns, one.span_id), (other.time_ns, other.span_id)
    return repr(one.value) > repr(other.value) if mine == theirs else mine > theirs


def _end_and_kind(moment: Utterance | ToolUse) -> tuple[int, str]:
    kind = type(moment.speaker).__name__ if isinstance(moment, Utterance) else moment.name
    return -1 if moment.end_ns is None else moment.end_ns, kind


_KEYS: Final[tuple[Callable[[Any], Any], ...]] = (_start, _end_and_kind, repr)


def _sorted(items: Iterable[T], keys: Sequence[Callable[[Any], Any]]) -> list[T]:
    """Sorts by the first key, and by the others only where it is equal: `repr` takes long. Makes each key once."""
    first, *rest = keys
    ordered = list(items)
    values = list(map(first, ordered))
    if _is_increasing(values):
        return ordered
    order = sorted(range(len(values)), key=values.__getitem__)
    ordered, values = [ordered[index] for index in order], [values[index] for index in order]
    if not rest or _is_increasing(values):
        return ordered
    together = groupby(zip(values, ordered, strict=True), itemgetter(0))
    return [one for _, equal in together for one in _resolved([pair[1] for pair in equal], rest)]


def _resolved(equal: list[T], keys: Sequence[Callable[[Any], Any]]) -> list[T]:
    return equal if len(equal) == 1 else _sorted(equal, keys)


def _is_increasing(values: Sequence[Any]) -> bool:
    return all(map(lt, values, values[1:]))
