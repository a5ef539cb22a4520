"""Sends a real call, from span to receipt, when `--send-test-call` asks for it."""

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

TEST_RECORDING_URL = "https://example.com/roark-otel-doctor.wav"


def new_id() -> str:
    """Returns the external id of a new test call."""
    return f"roark-otel-doctor-{uuid.uuid4().hex[:12]}"


def send_test_call(settings: Settings, external_id: str) -> Finding:
    """Creates one call at Roark, through a spool of its own."""
    with tempfile.TemporaryDirectory(prefix="roark-otel-doctor-") as folder:
        own = settings.with_arguments(spool_dir=Path(folder))
        processor = RoarkSpanProcessor(settings=own, recording_url=TEST_RECORDING_URL)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        marks: dict[str, str | bool] = {attributes.EXTERNAL_ID: external_id, attributes.CONVERSATION_ROOT: True}
        with provider.get_tracer("roark-otel-doctor").start_as_current_span("test call", attributes=marks) as root:
            root.add_event(attributes.TRANSCRIPT_EVENT, {"role": "agent", "text": "This is a test call."})
        provider.force_flush(int(own.http_timeout_seconds * 1000))
        seen = processor.stats()
        provider.shutdown()
    if seen.delivered or seen.already:
        return Fine("test call", f"{external_id} was created")
    return Wrong("test call", f"{external_id} did not arrive ({seen})", "see the findings above")
