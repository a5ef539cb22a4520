"""A request as rows: the same that capture would have left of its spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._model import times
from roark_otel._model.rows import Kind
from roark_otel._open.rows_in import row_of_exact
from roark_otel._sources.otlp.request import spans_of
from roark_otel._sources.recorded import captured_at_end, identity_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roark_otel._model.rows import Row, SpanView
    from roark_otel._model.vocabulary import Vocabulary
    from roark_otel._open.rows_in import RowsIn

_UNITS: Final = (1, 10**3, 10**6, 10**9)


def decode(request: bytes, vocabulary: Vocabulary, rows_in: RowsIn) -> list[Row]:
    """Returns the rows of a request's spans, the resource before the spans that have it.

    Where a time of a span cannot be, the latest of the request holds.

    Args:
        request: An OTLP export of traces, as protobuf or JSON.
        vocabulary: What the dialects know together.
        rows_in: Makes rows exact.

    Raises:
        UnreadableRequest: if it cannot be read.
    """
    records = [span.record for span in spans_of(request)]
    latest_ns = _latest_ns(records)
    rows: list[Row] = []
    resource: Mapping[str, object] | None = None
    for record in records:
        if record.resource is not resource:
            resource = record.resource
            rows.append(_resource_row(resource, record.trace_id, rows_in))
        identity = identity_of(record.scope, record.name, record.attributes, vocabulary)
        rows.append(row_of_exact(rows_in.exact(captured_at_end(record, identity, vocabulary), latest_ns)))
    return rows


def _resource_row(resource: Mapping[str, object], trace_id: int, rows_in: RowsIn) -> Row:
    head = (int(Kind.RESOURCE), trace_id, 0, 0, "", "", 0, None, None, 0, None, False, 0)
    return row_of_exact(rows_in.mapping(head, resource))


def _latest_ns(records: Iterable[SpanView]) -> int:
    """Returns the latest time of these spans that can be one, in whichever unit it was given."""
    known = {time for record in records for time in (record.start_ns, record.end_ns) if time}
    found = (time * unit for time in known for unit in _UNITS)
    return max((time for time in found if times.EARLIEST_NS <= time <= times.MAX_NS), default=times.EARLIEST_NS)
