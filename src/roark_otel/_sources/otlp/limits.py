"""The one error of a request that cannot be read, and the limits beyond which none is."""

from __future__ import annotations

from typing import Final

MAX_REQUEST_BYTES: Final = 64 * 1024 * 1024
"""The largest request. OpenTelemetry's exporters send no larger ones."""

MAX_REQUEST_VALUES: Final = 1_000_000
"""The most spans, events, attributes and elements of lists that a request has together.

The Collector's batches of 8,192 spans have about 150,000. Two bytes of protobuf may be an event, which takes 200 bytes
of memory, so that a limit of bytes alone does not bound what a request grows to.
"""

MAX_DEPTH: Final = 100
"""The most lists and mappings within each other in an attribute. What is deeper is cut, as on an app's own spans."""

MAX_CUT_BYTES: Final = 4 * MAX_REQUEST_BYTES
"""The most bytes of the requests that one is cut into, one for each trace. Each of them has the resource of its spans.

A large resource before many traces would fill the memory otherwise. Those of SDKs have a few hundred bytes.
"""

CUT: Final = "…"
"""Stands for what is too deep."""


class UnreadableRequest(ValueError):  # noqa: N818 - named as what it says, like `NoRecording`
    """Raised for a request that is not an OTLP export of traces, is damaged, or is larger than any that is sent.

    Whatever a request holds, this is the only error. The message says what is wrong, and quotes nothing of the request.
    """


def too_many_values() -> UnreadableRequest:
    """Returns the error of a request with more values than the limit."""
    return UnreadableRequest(f"more than {MAX_REQUEST_VALUES:,} spans, events, attributes and elements")


def too_large_cut() -> UnreadableRequest:
    """Returns the error of a request whose resource is too large for its many traces."""
    return UnreadableRequest(f"its resources are too large for its traces: more than {MAX_CUT_BYTES // 2**20} MiB")


class Counter:
    """Counts the values of one request, and raises `UnreadableRequest` when there are too many."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAX_REQUEST_VALUES

    def add(self) -> None:
        """Counts one more."""
        self._left -= 1
        if self._left < 0:
            raise too_many_values()
