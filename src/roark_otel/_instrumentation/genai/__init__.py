"""Takes the messages of models that instrumentations keep off their spans: from log events, and from completion hooks.

    log event        RoarkLogRecordProcessor    `gen_ai.client.inference.operation.details`, or one event per message
    completion hook  completions                what `opentelemetry-util-genai` hands over, chosen by the app

Both find the conversation by the trace and the span of the model's call, and write a short span below it, which only
the engines see. The dialect `gen_ai` reads its messages as if they stood on the model's own span.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from roark_otel._safety.late_imports import importing

if TYPE_CHECKING:
    from roark_otel._instrumentation.genai.log_processor import RoarkLogRecordProcessor


@cache
def log_processor_class() -> type[RoarkLogRecordProcessor]:
    """Returns the class `RoarkLogRecordProcessor`, imported when it is first needed: most apps have no SDK of logs."""
    with importing():
        from roark_otel._instrumentation.genai.log_processor import RoarkLogRecordProcessor
    return RoarkLogRecordProcessor
