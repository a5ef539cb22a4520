"""The processor that copies baggage to spans. Its package needs a newer SDK than the oldest one supported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import baggage
from opentelemetry.sdk.trace import Span, SpanProcessor

if TYPE_CHECKING:
    from opentelemetry.context import Context


class _Copier(SpanProcessor):
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        for name, value in baggage.get_all(parent_context).items():
            span.set_attribute(name, str(value))


def copying_processor() -> SpanProcessor:
    """Makes the real processor, or one that does the same where that cannot be imported."""
    try:
        from opentelemetry.processor.baggage import ALLOW_ALL_BAGGAGE_KEYS, BaggageSpanProcessor
    except ImportError:
        return _Copier()
    return BaggageSpanProcessor(ALLOW_ALL_BAGGAGE_KEYS)
