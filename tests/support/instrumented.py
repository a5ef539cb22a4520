"""Runs an app under `opentelemetry-instrument`, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

INSTRUMENT = Path(sys.executable).with_name("opentelemetry-instrument")

NO_COLLECTOR = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")
"""There is no collector beside a test."""

CONVERSATION = """
from opentelemetry import trace

def hold(external_id="call-1", tracer=None):
    tracer = tracer or trace.get_tracer("my-agent")
    told = {"roark.external_id": external_id, "roark.recording_url": "https://example.com/a.wav",
            "roark.conversation.root": True}
    with tracer.start_as_current_span("conversation", attributes=told) as call:
        call.add_event("roark.transcript", {"role": "agent", "text": "Hello, how can I help?"})
        call.add_event("roark.transcript", {"role": "customer", "text": "Where is my order?"})
"""
"""What an app without a framework has; it knows nothing of this package."""

WITNESS = """
import json, sys, threading
from opentelemetry import trace as _trace
_ours = sorted(t.name for t in threading.enumerate() if t.name.startswith(("roark", "OtelBatch")))
print("WITNESS " + json.dumps({"threads": _ours, "provider": type(_trace.get_tracer_provider()).__name__,
    "processors": [type(one).__name__ for one in getattr(getattr(_trace.get_tracer_provider(),
        "_active_span_processor", None), "_span_processors", ())]}))
"""
"""Says at the end of an app what it sees of itself."""


@dataclass(frozen=True, slots=True)
class Ran:
    """An app that has ended."""

    status: int
    out: str
    err: str

    @property
    def witness(self) -> dict[str, Any]:
        """What the app saw of itself."""
        (line,) = [line for line in self.out.splitlines() if line.startswith("WITNESS ")]
        found: dict[str, Any] = json.loads(line.removeprefix("WITNESS "))
        return found


def environment(sandbox: Sandbox | None, spool: Path, **more: str) -> dict[str, str]:
    """The environment of an app: with the one variable, where there is a Roark, and where that is."""
    with_key = {} if sandbox is None else {"ROARK_API_KEY": "test-key", "ROARK_BASE_URL": sandbox.url}
    ours = {
        "ROARK_SPOOL_DIR": str(spool),
        "ROARK_LINGER_SECONDS": "0.05",
        "ROARK_EXIT_TIMEOUT_SECONDS": "60",  # on a busy machine an exit takes longer than in an app it may
        "PYTHONPATH": "",
    }
    # A web framework takes a second to be imported, for apps that have none.
    quick = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "asgi,fastapi"}
    return {**os.environ, **NO_COLLECTOR, **quick, **ours, **with_key, **more}


def run(app: Path, code: str, env: dict[str, str], *, instrumented: bool = True) -> Ran:
    """Writes an app and runs it to its end."""
    app.write_text(code, encoding="utf-8")
    command = [sys.executable, str(app)]
    done = subprocess.run(  # noqa: S603 - our own code
        [str(INSTRUMENT), *command] if instrumented else command,
        env={name: value for name, value in env.items() if value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
