"""Spans that are open at once under the same ids: nothing distinguishes what is said below them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from roark_otel._safety.guard import log_once

if TYPE_CHECKING:
    import weakref

    from opentelemetry.sdk.trace import Span


def warn_of_same_ids(span: Span, known: tuple[weakref.ref[Span], object] | None) -> None:
    """Warns if the span that is known to be open under the ids of this one is another."""
    other = None if known is None else known[0]()
    if other is not None and other is not span and other.start_time != span.start_time:
        log_once(
            logging.WARNING,
            (),
            "two spans that are open at once have the same trace id and span id, so what only the second says may be "
            "missing in calls: `random.seed()` makes ids repeat; seed a `random.Random` of your own instead, or pass "
            "TracerProvider an id_generator that does not use the module's generator",
        )
