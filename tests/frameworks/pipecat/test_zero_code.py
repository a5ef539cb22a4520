"""Pipecat's own set-up function under `opentelemetry-instrument`: its spans make calls, and its exporter gets spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from frameworks.pipecat import roster, running
from frameworks.pipecat.truths import said, tools, transcript, used
from support.instrumented import INSTRUMENT, WITNESS, environment, run

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

pytestmark = pytest.mark.skipif(not INSTRUMENT.exists(), reason="opentelemetry-instrumentation is not installed here")

APP = """
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pipecat.utils.tracing.setup import setup_tracing

exported = InMemorySpanExporter()
assert setup_tracing("shop", exporter=exported)
found = {"roark.external_id": "call-1", "roark.recording_url": "https://example.com/a.wav"}
with trace.get_tracer("pipecat").start_as_current_span("conversation", attributes=found) as root:
    root.add_event("roark.transcript", {"role": "agent", "text": "Hello there."})
trace.get_tracer_provider().force_flush()
print("EXPORTED", [span.name for span in exported.get_finished_spans()])
"""


@pytest.mark.parametrize("configurator", ["", "none"], ids=["beside another provider", "alone"])
def test_what_it_sets_up_is_attached_to(sandbox: Sandbox, tmp_path: Path, configurator: str) -> None:
    """Beside the provider that `opentelemetry-instrument` made, OpenTelemetry refuses Pipecat's, and says so itself."""
    env = environment(sandbox, tmp_path / "spool", OTEL_PYTHON_CONFIGURATOR=configurator)

    ran = run(tmp_path / "app.py", APP + WITNESS, env)

    assert ran.status == 0, ran.err
    assert "roark_otel" not in ran.err
    assert ran.witness["processors"].count("RoarkSpanProcessor") == 1
    assert ("EXPORTED ['conversation']" in ran.out) is bool(configurator)
    (call,) = sandbox.calls()
    assert [entry["text"] for entry in call["transcript"]] == ["Hello there."]


def test_configure_before_pipecat_sets_up_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    """The first provider holds: after `configure` nobody need call `setup_tracing`."""
    code = "import roark_otel\nprint(roark_otel.configure())\n" + APP

    ran = run(tmp_path / "app.py", code, environment(sandbox, tmp_path / "spool"), instrumented=False)

    assert ran.status == 0, ran.err
    assert "provider='made'" in ran.out
    assert len(sandbox.calls()) == 1


def test_it_hears_what_stands_on_no_span(sandbox: Sandbox, tmp_path: Path) -> None:
    """Of an app that sets up nothing: what a client types, a hand-off, a last tool, and a model that hears itself."""
    played = running.run_all(tmp_path, sandbox, roster.INSTRUMENTED)

    (app,) = played.apps.values()
    assert app.status == 0, app.output
    assert app.warnings == ""
    for external_id in roster.INSTRUMENTED["instrumented"]:
        truth, body = played.truth(external_id), played.body(external_id)
        spoken = [one for one in said(truth) if not one[1].startswith("Welcome the customer")]
        assert len(spoken) >= 3
        assert transcript(body) == spoken
        assert tools(body) == used(truth)
