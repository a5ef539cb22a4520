"""LiveKit under `opentelemetry-instrument`: whichever provider it has, and whoever gave it, its spans make calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.instrumented import INSTRUMENT, WITNESS, environment, run

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

pytestmark = pytest.mark.skipif(not INSTRUMENT.exists(), reason="opentelemetry-instrumentation is not installed here")

SESSION = """
from livekit.agents import telemetry

def talk(external_id):
    told = {"roark.external_id": external_id, "roark.recording_url": "https://example.com/a.wav"}
    with telemetry.tracer.start_as_current_span("agent_session", attributes=told) as session:
        session.add_event("roark.transcript", {"role": "agent", "text": "Hello there."})
"""
"""What LiveKit's own tracer does when a session runs."""

OWN = """
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider()
"""

NO_CONFIGURATOR = {"OTEL_PYTHON_CONFIGURATOR": "none"}

WAYS = {
    "the global provider": SESSION,
    "set through LiveKit before it is used": OWN + SESSION + "telemetry.set_tracer_provider(provider)\n",
    "set through LiveKit, imported by name before": (
        "from livekit.agents.telemetry import set_tracer_provider\n" + OWN + SESSION + "set_tracer_provider(provider)\n"
    ),
    "made by LiveKit itself": (
        OWN + SESSION + "from livekit.agents.telemetry import traces\ntraces.set_tracer_provider(provider)\n"
    ),
    "set late as the global one": (
        SESSION + OWN + "from opentelemetry import trace\ntrace.set_tracer_provider(provider)\n"
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_its_spans_make_calls(sandbox: Sandbox, tmp_path: Path, way: str) -> None:
    """Beside the provider that `opentelemetry-instrument` makes, or alone where it makes none."""
    configurator = {} if "global provider" in way or "before it is used" in way else NO_CONFIGURATOR

    ran = run(
        tmp_path / "app.py",
        WAYS[way] + "talk('call-1')\n" + WITNESS,
        environment(sandbox, tmp_path / "spool", **configurator),
    )

    assert ran.status == 0, ran.err
    assert "roark_otel" not in ran.err
    (call,) = sandbox.calls()
    assert (call["externalId"], [entry["text"] for entry in call["transcript"]]) == ("call-1", ["Hello there."])


def test_configure_after_livekit_was_imported(sandbox: Sandbox, tmp_path: Path) -> None:
    """LiveKit keeps to the provider that it found at its import, unless it is told another."""
    code = (
        SESSION
        + "import roark_otel\nprint(roark_otel.configure())\n"
        + "from livekit.agents.telemetry import traces\n"
        + "from opentelemetry import trace\n"
        + "assert traces.tracer._tracer_provider is trace.get_tracer_provider()\n"
        + "talk('call-1')\n"
    )
    env = environment(sandbox, tmp_path / "spool", ROARK_EXPORT_TRACES="true")

    ran = run(tmp_path / "app.py", code, env, instrumented=False)

    assert ran.status == 0, ran.err
    assert "Configured(provider='made', processor='added', traces='to_roark')" in ran.out
    assert len(sandbox.call("call-1").trace_ids) == 1
