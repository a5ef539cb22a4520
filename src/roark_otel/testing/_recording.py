"""Hears of every span of the SDK, so that one that no processor of ours is given is known."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import ReadableSpan, Tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from opentelemetry.trace import Span


@contextmanager
def hearing_of_spans(recorded: Callable[[ReadableSpan], None], dropped: Callable[[], None]) -> Generator[None]:
    """Hears of each span that is started in the block, once its processors have.

    Args:
        recorded: Hears of one that is recorded.
        dropped: Hears of one that a sampler drops.
    """
    tracers: Any = Tracer  # its methods are not to be replaced, as types go
    before: Callable[..., Span] = tracers.start_span

    @functools.wraps(before)
    def start_span(tracer: Tracer, *arguments: object, **named: object) -> Span:
        span = before(tracer, *arguments, **named)
        if isinstance(span, ReadableSpan):
            recorded(span)
        else:
            dropped()
        return span

    tracers.start_span = start_span
    try:
        yield
    finally:
        if tracers.start_span is start_span:
            tracers.start_span = before
