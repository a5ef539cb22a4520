"""Counters of a worker, and what Prometheus reads of them."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

METRIC_PREFIX: Final = "roark_otel_worker"

# What is counted under one name, with a label: the beginning of the counter's name, the metric, the label, its help.
_FAMILIES: Final = (
    ("calls_", "calls_total", "outcome", "Calls that Roark has, or does not take."),
    ("attempts_", "attempts_total", "outcome", "Requests to Roark that are made again."),
    ("conversations_", "conversations_total", "outcome", "Conversations that made no call, by why."),
    ("", "events_total", "event", "What else is counted: see docs/kafka.md."),
)


class Counters:
    """Counts by name, from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, name: str, number: int) -> None:
        """Adds to a counter."""
        with self._lock:
            self._counts[name] += number

    def snapshot(self) -> dict[str, int]:
        """Returns all counters."""
        with self._lock:
            return dict(self._counts)


def exposition(counts: Mapping[str, int], gauges: Iterable[tuple[str, str, Mapping[str, str], float]]) -> str:
    """Returns the text that Prometheus reads.

    Args:
        counts: The counters.
        gauges: For each its name, its help, its labels and its value; those of one name follow each other.
    """
    lines: list[str] = []
    left = dict(counts)
    for begins, metric, label, text in _FAMILIES:
        known = sorted(name for name in left if name.startswith(begins))
        if known:
            lines += (f"# HELP {METRIC_PREFIX}_{metric} {text}", f"# TYPE {METRIC_PREFIX}_{metric} counter")
        for name in known:
            lines.append(f'{METRIC_PREFIX}_{metric}{{{label}="{name[len(begins) :]}"}} {left.pop(name)}')
    described: set[str] = set()
    for name, text, labels, value in gauges:
        if name not in described:
            described.add(name)
            lines += (f"# HELP {METRIC_PREFIX}_{name} {text}", f"# TYPE {METRIC_PREFIX}_{name} gauge")
        shown = ",".join(f'{label}="{of}"' for label, of in labels.items())
        lines.append(f"{METRIC_PREFIX}_{name}{f'{{{shown}}}' if shown else ''} {value:g}")
    return "\n".join(lines) + "\n"
