"""How much memory a reader keeps for each turn of a call."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel._model.rows import SpanView
    from roark_otel.types import Dialect, Moment, Reader

FEW = 40


def kept_per_turn(dialect: Dialect, long_call: Callable[[int], Iterable[SpanView]], *, many: int = 240) -> float:
    """Returns the bytes that a reader keeps for each further turn of a call.

    What is kept once, such as a module that is imported late, a cache or the reader itself, does not count: a call of
    many turns is compared with one of few.

    Args:
        dialect: Whose reader it is.
        long_call: Makes the spans of a call of a number of turns.
        many: The turns of the longer call.
    """
    gc.freeze()  # so that collecting garbage does not walk through what other tests keep
    try:
        _kept(dialect, long_call(5))
        return (_kept(dialect, long_call(many)) - _kept(dialect, long_call(FEW))) / (many - FEW)
    finally:
        gc.unfreeze()


def _kept(dialect: Dialect, spans: Iterable[SpanView]) -> int:
    tracemalloc.start()
    try:
        reader = dialect.reader(lambda _: None)
        for span in spans:
            reader.read(span)
        del span
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        del reader
    finally:
        tracemalloc.stop()
    return kept


def leaking(dialect: Dialect) -> Dialect:
    """Returns a dialect whose reader also keeps every span, without its history: what a test of memory must catch."""
    return replace(dialect, reader=lambda warn: _Leaking(dialect.reader(warn)))


class _Leaking:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._spans: list[SpanView] = []

    def read(self, span: SpanView) -> None:
        short = {name: value for name, value in span.attributes.items() if len(str(value)) < 1_000}
        self._spans.append(span._replace(attributes=short))
        self._reader.read(span)

    def moments(self) -> Iterable[Moment]:
        return self._reader.moments()
