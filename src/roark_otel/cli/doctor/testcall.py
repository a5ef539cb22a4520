"""A real call, from span to receipt, for somebody who asked for it."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider

from roark_otel import attributes
from roark_otel._setup.processor import RoarkSpanProcessor
from roark_otel.cli.doctor.findings import Finding, Fine, Wrong

if TYPE_CHECKING:
    from roark_otel._settings.settings import Settings

RECORDING_URL = "https://example.com/roark-otel-doctor.wav"


def new_id() -> str:
    """The external id of a test call."""
    return f"roark-otel-doctor-{uuid.uuid4().hex[:12]}"


def send_test_call(settings: Settings, external_id: str) -> Finding:
    """Creates one call at Roark, with a spool of its own."""
    with tempfile.TemporaryDirectory(prefix="roark-otel-doctor-") as folder:
        own = settings.with_arguments(spool_dir=Path(folder))
        processor = RoarkSpanProcessor(settings=own, recording_url=RECORDING_URL)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        told: dict[str, str | bool] = {attributes.EXTERNAL_ID: external_id, attributes.CONVERSATION_ROOT: True}
        with provider.get_tracer("roark-otel-doctor").start_as_current_span("test call", attributes=told) as root:
            root.add_event(attributes.TRANSCRIPT_EVENT, {"role": "agent", "text": "This is a test call."})
        provider.force_flush(int(own.http_timeout_seconds * 1000))
        seen = processor.stats()
        provider.shutdown()
    if seen.delivered or seen.already:
        return Fine("test call", f"{external_id} was created")
    return Wrong("test call", f"{external_id} did not arrive ({seen})", "see what is wrong above")
