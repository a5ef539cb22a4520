"""Transitional names."""

from roark_otel._model.rows import SpanEvent
from roark_otel._model.rows import SpanView as SpanRecord

__all__ = ["SpanEvent", "SpanRecord"]
