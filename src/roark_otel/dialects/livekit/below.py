"""What spans said that stand below others: by the id of their parent, and by their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from roark_otel._model.rows import PARENT, SPAN

if TYPE_CHECKING:
    from roark_otel._model.rows import Row

T = TypeVar("T")

Below: TypeAlias = "dict[int, dict[int, T]]"


def add_below(where: Below[T], row: Row, what: T) -> None:
    """Notes what a span said."""
    parent_id: int = row[PARENT]
    if parent_id in where:
        where[parent_id][row[SPAN]] = what
    else:
        where[parent_id] = {row[SPAN]: what}
