"""What is kept of Pipecat's spans: one row for each, the numbers packed, because a call may have thousands."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from roark_otel._model.reading import MAX_DURATION_MS, number
from roark_otel.dialects.pipecat import names

if TYPE_CHECKING:
    from roark_otel._model.spans import SpanRecord

_UNKNOWN = 2**64 - 1
_NS = 1_000_000_000
_MAX_NS = MAX_DURATION_MS * 1_000_000

W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class Row(Generic[W]):
    """What is kept of one span.

    `end_ns` is None as long as the span is open. `ttfb_ns` is how long the first byte took; of a turn it is how long
    the agent took to answer. `lasted_ns` is only known of turns. `flag` and `words` are the kind's own.
    """

    span_id: int
    parent_id: int
    start_ns: int
    end_ns: int | None
    words: W
    ttfb_ns: int | None = None
    lasted_ns: int | None = None
    flag: bool = False

    @property
    def until_ns(self) -> int:
        """The end, or the start of a span that has none."""
        return self.start_ns if self.end_ns is None else self.end_ns


class Rows(Generic[W]):
    """The rows of one kind of span, in any order. A span that comes again replaces its row, an open one never does."""

    __slots__ = ("_numbers", "_words")

    _WIDTH = 7

    def __init__(self) -> None:
        self._numbers: array[int] = array("Q")
        self._words: list[W] = []

    def __bool__(self) -> bool:
        return bool(self._words)

    def add(self, row: Row[W]) -> None:
        """Keeps a row."""
        numbers = (row.span_id, row.parent_id, row.start_ns, row.end_ns, row.ttfb_ns, row.lasted_ns, int(row.flag))
        self._numbers.extend([_UNKNOWN if one is None else min(max(one, 0), _UNKNOWN - 1) for one in numbers])
        self._words.append(row.words)

    def in_order(self) -> list[Row[W]]:
        """The rows by start, one for each span."""
        latest: dict[int, Row[W]] = {}
        for row in map(self._row, range(len(self._words))):
            known = latest.get(row.span_id)
            if known is None or _completeness(known) <= _completeness(row):
                latest[row.span_id] = row
        return sorted(latest.values(), key=lambda row: (row.start_ns, row.span_id))

    def _row(self, index: int) -> Row[W]:
        numbers = self._numbers[index * self._WIDTH : (index + 1) * self._WIDTH]
        span_id, parent_id, start_ns, flag = numbers[0], numbers[1], numbers[2], numbers[6] == 1
        end_ns, ttfb_ns, lasted_ns = (None if one == _UNKNOWN else one for one in numbers[3:6])
        return Row(span_id, parent_id, start_ns, end_ns, self._words[index], ttfb_ns, lasted_ns, flag)


def _completeness(row: Row[W]) -> tuple[bool, str]:
    """What decides between two tellings of one span, whichever came first: that it has ended, then what it says."""
    return row.end_ns is not None, repr(row)


def row_of(
    span: SpanRecord, words: W, *, ttfb_ns: int | None = None, lasted_ns: int | None = None, flag: bool = False
) -> Row[W]:
    """The row of a span, which ends no earlier than it starts."""
    end_ns = None if span.end_ns is None else max(span.start_ns, span.end_ns)
    return Row(span.span_id, span.parent_id or 0, span.start_ns, end_ns, words, ttfb_ns, lasted_ns, flag)


def ttfb_ns(span: SpanRecord) -> int | None:
    """How long the first byte of a service took; of one that failed it says how long the failure did."""
    if span.error:
        return None
    found = seconds_ns(span.attributes.get(names.TTFB))
    milliseconds = number(span.attributes.get(names.TTFB_MS)) if found is None else None
    return found if milliseconds is None else seconds_ns(milliseconds / 1000)


def seconds_ns(value: object) -> int | None:
    """A number of seconds as nanoseconds, None if it is not a duration."""
    seconds = number(value)
    if seconds is None or not 0 <= seconds * _NS <= _MAX_NS:
        return None
    return int(seconds * _NS)
