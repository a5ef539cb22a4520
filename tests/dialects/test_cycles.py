"""A reader is gone when its pass is over, and leaves nothing for the collector of garbage to find."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from roark_otel.dialects import GEN_AI, LIVEKIT, OPENINFERENCE, PIPECAT
from support.dumps import records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roark_otel.types import Dialect, SpanView, Unreadable

DUMPS = [
    (LIVEKIT, "livekit/1.8.9-three_turns"),
    (PIPECAT, "pipecat/tool_chain"),
    (OPENINFERENCE, "gen_ai/openai_agents_openinference_responses"),
    (GEN_AI, "gen_ai/strands_agent"),
]


def unreachable(action: Callable[[], object]) -> int:
    """Returns how many objects an action leaves that only the collector can free."""
    gc.collect()
    gc.disable()
    try:
        action()
        return gc.collect()
    finally:
        gc.enable()


def read(dialect: Dialect, spans: Sequence[SpanView]) -> int:
    """Makes a pass of one reader. Returns how many moments it finds."""
    reader = dialect.reader(_ignore)
    for one in spans:
        reader.read(one)
    return len(list(reader.moments()))


def _ignore(_: Unreadable) -> None:
    """Takes a warning."""


@pytest.mark.parametrize(("dialect", "dump"), DUMPS, ids=lambda one: getattr(one, "name", ""))
def test_a_reader_leaves_no_cycle(dialect: Dialect, dump: str) -> None:
    """Its words would stay until a full collection, which walks through the whole app."""
    spans = records(dump)
    assert read(dialect, spans) > 0  # what is made once is made here
    assert unreachable(lambda: read(dialect, spans)) == 0


def test_a_cycle_is_found() -> None:
    def cycle() -> None:
        found: list[object] = []
        found.append(found)

    assert unreachable(cycle) == 1
