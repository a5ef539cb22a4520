"""The readers of one conversation, one for each dialect. A fault in one costs what it would have said, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel._conversation.conversation import Readers
    from roark_otel._model.dialect import Dialect, Reader, Warn
    from roark_otel._model.moments import Moment
    from roark_otel._model.spans import SpanRecord


def make_readers(dialects: Iterable[Dialect], warn: Warn, count_fault: Callable[[], None]) -> Readers:
    """Makes the readers of one conversation.

    Args:
        dialects: The dialects, the highest first. One whose reader cannot be made is left out.
        warn: Reports something on a span that a reader could not read.
        count_fault: Counts a reader that raised. The exception itself is logged, at most once per interval.
    """
    made: list[tuple[str, Reader]] = []
    for dialect in dialects:
        reader = _reader_of(dialect, warn)
        if reader is None:
            count_fault()
        else:
            made.append((dialect.name, _GuardedReader(reader, count_fault)))
    return tuple(made)


@guarded(None)
def _reader_of(dialect: Dialect, warn: Warn) -> Reader:
    return dialect.reader(warn)


class _GuardedReader:
    """A reader that never raises."""

    __slots__ = ("_count_fault", "_reader")

    def __init__(self, reader: Reader, count_fault: Callable[[], None]) -> None:
        self._reader = reader
        self._count_fault = count_fault

    def read(self, span: SpanRecord) -> None:
        if not self._read(span):
            self._count_fault()

    def moments(self) -> Iterable[Moment]:
        found = self._moments()
        if found is None:
            self._count_fault()
            return ()
        return found

    @guarded(False)
    def _read(self, span: SpanRecord) -> bool:
        self._reader.read(span)
        return True

    @guarded(None)
    def _moments(self) -> tuple[Moment, ...]:
        return tuple(self._reader.moments())
