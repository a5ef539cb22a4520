"""What spans said that stand below others: by the id of their parent, and by their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from roark_otel._model.rows import SpanView

T = TypeVar("T")

Below: TypeAlias = "dict[int, dict[int, T]]"


def add_below(where: Below[T], span: SpanView, what: T) -> None:
    """Notes what a span said."""
    parent_id = span.parent_id or 0
    if (below := where.get(parent_id)) is None:
        where[parent_id] = {span.span_id: what}
    else:
        below[span.span_id] = what
