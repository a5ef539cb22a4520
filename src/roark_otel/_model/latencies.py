"""The response latency of a call, as the properties that say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

LATENCIES: Final = ("response_latency_p50_ms", "response_latency_p95_ms", "response_latency_max_ms")
"""The properties of a call's waits: their median, their 95th percentile, and the longest of them."""


def response_latencies(waits_ms: Sequence[int]) -> dict[str, int]:
    """Returns `response_latency_{p50,p95,max}_ms` of the customer's waits for answers, sorted; nothing without any."""
    if not waits_ms:
        return {}
    return dict(zip(LATENCIES, (_percentile(waits_ms, 50), _percentile(waits_ms, 95), waits_ms[-1]), strict=True))


def _percentile(ordered: Sequence[int], percent: int) -> int:
    """Returns the smallest value that at least `percent` percent of the values do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1]
