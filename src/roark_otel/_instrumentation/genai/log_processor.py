"""The log record processor: what an app adds to its logger provider."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.trace import SpanContext, TraceFlags

from roark_otel._instrumentation.genai.handing_over import By, hand_over
from roark_otel._instrumentation.genai.log_events import LOG_EVENTS, about, name_of
from roark_otel._safety.guard import guarded, log_once

if TYPE_CHECKING:
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.context import Context
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_TAKEN = "_roark_taken"
"""What a record bears that was taken: a provider may have a second processor of this package."""

_WITHOUT_TRACE = (
    "log events with the messages of a model have no trace, so they are in no call: set the tracer provider before the "
    "instrumentation starts, and sample the spans of the model"
)


class RoarkLogRecordProcessor(LogRecordProcessor):
    """Puts the messages that GenAI instrumentations log as events into the calls of `RoarkSpanProcessor`.

    Add it to a logger provider where content is on log events and not on spans, as with
    `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=EVENT_ONLY`. It takes no other records, exports nothing, and
    has no settings: those of the `RoarkSpanProcessor` apply, without which it does nothing. No fault in it reaches the
    app.

    Attributes:
        without_trace: How many log events were left out because they have no trace.
    """

    def __init__(self) -> None:
        self.without_trace: int = 0

    @guarded(None)
    def on_emit(self, log_record: Any) -> None:  # noqa: ANN401 - its class depends on the version of the SDK
        """Takes a record, if it is an event with messages of a model; the SDK calls it on the thread of the app.

        Args:
            log_record: A `ReadWriteLogRecord`, or the `LogData` of an SDK before 1.39.
        """
        record = log_record.log_record
        name = name_of(record)
        if name is not None:
            self._take(name, record)

    emit = on_emit
    """What an SDK before 1.35 calls."""

    def enabled(
        self,
        *,
        context: Context | None = None,  # noqa: ARG002 - as the SDK calls it
        instrumentation_scope: InstrumentationScope | None = None,  # noqa: ARG002
        severity_number: SeverityNumber | None = None,  # noqa: ARG002
        event_name: str | None = None,
    ) -> bool:
        """Returns whether a record may be of interest. One without a name may bear it among its attributes."""
        return event_name is None or event_name in LOG_EVENTS

    def shutdown(self) -> None:
        """Does nothing: what was taken is the engines'."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - as the SDK calls it
        """Returns True: nothing waits here. `RoarkSpanProcessor.force_flush` delivers the calls."""
        return True

    def _take(self, name: str, record: Any) -> None:  # noqa: ANN401 - see above
        if getattr(record, _TAKEN, False):
            return
        setattr(record, _TAKEN, True)
        within = SpanContext(
            record.trace_id or 0, record.span_id or 0, is_remote=False, trace_flags=TraceFlags(record.trace_flags or 0)
        )
        if not within.is_valid:
            self.without_trace += 1
            log_once(logging.WARNING, (), _WITHOUT_TRACE)
            return
        times = (record.timestamp, record.observed_timestamp)
        at_ns = next((one for one in times if isinstance(one, int) and one > 0), 0) or time.time_ns()
        hand_over(By.LOG_EVENT, name, lambda: about(name, record), within, at_ns)
