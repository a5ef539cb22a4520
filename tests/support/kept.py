"""How much memory the log of an open call keeps for each turn."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

from roark_otel._model.rows import Kind, Strength, as_captured, row_of, view
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open.groups import Groups
from roark_otel._open.rows_in import RowsIn, row_of_exact
from roark_otel._open.schedule import Waits
from roark_otel._open.taken import MAX_TAKEN
from roark_otel.dialects import DIALECTS
from roark_otel.types import SpanView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel._model.rows import Row
    from roark_otel._open.group import Group
    from roark_otel._open.rows_in import Exact

FEW = 40
PACKED_AT_ONCE = 8
RESOURCE = {"service.name": "shop"}
ROOT = SpanView(1, 2**60, None, "app", "call", 0, None, {"roark.external_id": "call-1"})


def kept_per_turn(
    long_call: Callable[[int], Iterable[SpanView]], *, many: int = 240, make: Callable[..., Groups] = Groups
) -> float:
    """Returns the bytes that are kept for each further turn of a call that is open.

    What is kept once, such as a module that is imported late or a cache, does not count: a call of many turns is
    compared with one of few.

    Args:
        long_call: Makes the spans of a call of a number of turns.
        many: The turns of the longer call.
        make: Makes what keeps them.
    """
    gc.freeze()  # so that collecting garbage does not walk through what other tests keep
    try:
        _kept(make, long_call(many))  # all the ways of the code, which coverage remembers too
        return (_kept(make, long_call(many)) - _kept(make, long_call(FEW))) / (many - FEW)
    finally:
        gc.unfreeze()


def _kept(make: Callable[..., Groups], spans: Iterable[SpanView]) -> int:
    tracemalloc.start()
    try:
        groups = an_open_call(make)
        take_in(groups, spans)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return kept


def an_open_call(make: Callable[..., Groups] = Groups) -> Groups:
    """Returns groups with one call, whose root is open."""
    vocabulary = Vocabulary(DIALECTS)
    groups = make(vocabulary, RowsIn(vocabulary), Waits())
    for number in range(4 * MAX_TAKEN):  # so that no further end is remembered in addition
        _take(groups, 2, ROOT._replace(trace_id=2, span_id=2**40 + number, end_ns=1))
    groups.take((1, RESOURCE, None, *as_captured(row_of(Kind.OPEN, ROOT, own_id="call-1", strength=_MARKED))), 0.0, 0)
    groups.pack()
    return groups


def take_in(groups: Groups, spans: Iterable[SpanView]) -> int:
    """Takes in the spans of the open call. Returns how many bytes it keeps by its own account."""
    for number, span in enumerate(spans, 1):
        _take(groups, 1, span)
        if number % PACKED_AT_ONCE == 0:
            groups.pack()
    groups.pack()
    return groups.places.by_number[1].size


def _take(groups: Groups, number: int, span: SpanView) -> None:
    groups.take((number, RESOURCE, None, *as_captured(row_of(Kind.ENDED, span))), 0.0, 0)


_MARKED = int(Strength.MARKED)


class Uncut(Groups):
    """Keeps each history whole: what a test of memory must catch."""

    def _cut(self, group: Group, row: Exact) -> Row:  # noqa: ARG002
        head, names, values, events = row
        return (None, *head, (names, (), *values), *events)

    def _laid_out(self, *_: object) -> None:
        """No row has a layout."""


class Hoarding(Groups):
    """Keeps what a dialect sees of each span, too."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.hoard: list[SpanView] = []

    def take(self, entry: tuple[object, ...], now: float, now_ns: int) -> None:
        exact = self._rows_in.exact(entry[3:], now_ns)
        self.hoard.append(view(row_of_exact(exact), {}))
        super().take(entry, now, now_ns)
