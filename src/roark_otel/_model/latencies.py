"""The response latency of a call, as the properties that say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def response_latencies(waits_ms: Sequence[int]) -> Mapping[str, int]:
    """Returns `response_latency_{p50,p95,max}_ms` of the customer's waits for answers, sorted; nothing without any."""
    if not waits_ms:
        return {}
    return {
        "response_latency_p50_ms": _percentile(waits_ms, 50),
        "response_latency_p95_ms": _percentile(waits_ms, 95),
        "response_latency_max_ms": waits_ms[-1],
    }


def _percentile(ordered: Sequence[int], percent: int) -> int:
    """Returns the smallest value that at least `percent` percent of the values do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1]
