"""A reader is gone when its pass is over, and leaves nothing for the collector of garbage to find."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from roark_otel.dialects import DIALECTS
from support.dumps import records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roark_otel.types import Dialect, SpanView

DUMPS = ("livekit/1.8.9-tool_call", "pipecat/tool_chain", "gen_ai/google_adk_oi")


def unreachable(action: Callable[[], object]) -> int:
    """Returns how many objects an action leaves that only the collector can free."""
    gc.collect()
    gc.disable()
    try:
        action()
        return gc.collect()
    finally:
        gc.enable()


def read(dialect: Dialect, spans: Sequence[SpanView]) -> None:
    """Makes a pass of one reader."""
    reader = dialect.reader([].append)
    for one in spans:
        reader.read(one)
    assert list(reader.moments()) or dialect.name not in {"livekit", "pipecat"}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
@pytest.mark.parametrize("dump", DUMPS)
def test_a_reader_leaves_no_cycle(dialect: Dialect, dump: str) -> None:
    """Its words would stay until a full collection, which walks through the whole app."""
    spans = list(records(dump))
    read(dialect, spans)  # what is made once
    assert unreachable(lambda: read(dialect, spans)) == 0


def test_a_cycle_is_found() -> None:
    def cycle() -> None:
        found: list[object] = []
        found.append(found)

    assert unreachable(cycle) == 1
