"""Measures how long the customer waited for the agent's answers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from roark_otel._model.moments import Agent, Customer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roark_otel._model.moments import Utterance

_NS_PER_MS = 1_000_000


def response_latencies(said: Sequence[Utterance]) -> Mapping[str, int]:
    """Returns the response latency of a call as properties: `response_latency_{p50,p95,max}_ms`.

    One latency for each answer: from the end of what the customer said to the start of what the agent says next. An
    answer that began before, because one of them did not wait, has none.

    Args:
        said: The utterances in order, each with an end.
    """
    waits = sorted(
        (answer.start_ns - (asked.end_ns or asked.start_ns)) // _NS_PER_MS
        for asked, answer in pairwise(said)
        if isinstance(asked.speaker, Customer) and isinstance(answer.speaker, Agent)
    )
    waits = [wait for wait in waits if wait >= 0]
    if not waits:
        return {}
    return {
        "response_latency_p50_ms": _percentile(waits, 50),
        "response_latency_p95_ms": _percentile(waits, 95),
        "response_latency_max_ms": waits[-1],
    }


def _percentile(ordered: Sequence[int], percent: int) -> int:
    """Returns the smallest value that at least `percent` percent of the values do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1]
