"""A span that a source has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from roark_otel._model.spans import SpanRecord


class Found(NamedTuple):
    """The record of a span, and whether its parent is in another process: then nobody need wait for the parent."""

    record: SpanRecord
    has_remote_parent: bool = False
