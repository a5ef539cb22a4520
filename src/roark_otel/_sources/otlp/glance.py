"""A span at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Glance(NamedTuple):
    """The ids and the name of a span, and those of its attributes that were looked for."""

    trace_id: int
    span_id: int
    parent_id: int | None
    name: str
    attributes: Mapping[str, object]
