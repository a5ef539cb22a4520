"""Which LiveKit Agents wrote the spans: that for Python, or that for Node.js.

Both use the same names. But Python measures the delays of the customer's turns in seconds, and writes what tools
returned with `str()`; Node.js measures them in milliseconds, and writes JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel.dialects.livekit import names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

PYTHON: Final = names.SCOPE
NODE: Final = "@livekit/agents"

_KEYS: Final = (('"ttftMs"', NODE), ('"ttfbMs"', NODE), ('"ttft"', PYTHON), ('"ttfb"', PYTHON))
_BEGINNING: Final = '"ttf'
"""What all of them begin with."""


def writer(metrics: Iterable[object], names_of: Collection[str], *, has_whole_delays: bool) -> str:
    """Returns the package that wrote the spans: `PYTHON` or `NODE`.

    Args:
        metrics: The metrics of requests, as JSON text: their keys have the unit.
        names_of: The packages that alone use names that were seen. They decide where there are no metrics.
        has_whole_delays: Whether delays of the customer's turns are integers. They decide where nothing else is known.
    """
    for text in metrics:
        if isinstance(text, str) and _BEGINNING in text:
            for key, package in _KEYS:
                if key in text:
                    return package
    if names_of:
        return PYTHON if PYTHON in names_of else NODE
    return NODE if has_whole_delays else PYTHON
