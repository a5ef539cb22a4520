"""A notebook's kernel: the same cell run again adds no second processor, and each call is there once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hosts.hosting import SECONDS, environment, found

jupyter_client = pytest.importorskip("jupyter_client")

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

SETUP = """
import roark_otel
configured = roark_otel.configure()
"""
OWN_PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
import roark_otel
provider = TracerProvider()
provider.add_span_processor(roark_otel.RoarkSpanProcessor())
trace.set_tracer_provider(provider)
provider.add_span_processor(roark_otel.RoarkSpanProcessor())
"""
CALL = """
with roark_otel.conversation(f"call-{{{number}}}") as call:
    call.customer_said("Where is my order?")
"""
ACALL = """
async with roark_otel.conversation(f"call-{{{number}}}") as call:
    call.customer_said("Where is my order?")
print(await roark_otel.aforce_flush())
"""


def run(client: Any, code: str) -> str:
    """Runs a cell; returns what it printed."""
    printed: list[str] = []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = client.execute_interactive(code, timeout=SECONDS, output_hook=note)
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(printed)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("setup", [SETUP, OWN_PROVIDER], ids=["configure", "a provider of its own"])
@pytest.mark.parametrize("restart", [False, True], ids=["shut down", "killed"])
def test_cells_that_run_again(sandbox: Sandbox, tmp_path: Path, setup: str, *, restart: bool) -> None:
    env = environment(sandbox.url, tmp_path, IPYTHONDIR=str(tmp_path / "ipython"))
    manager, client = jupyter_client.manager.start_new_kernel(env=env, startup_timeout=SECONDS)
    try:
        for number in range(2):
            run(client, setup)
            run(client, CALL.replace("{{{number}}}", str(number)))
        assert run(client, ACALL.replace("{{{number}}}", "2")).endswith("True\n")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=restart)
    assert found(sandbox, env) == ["call-0", "call-1", "call-2"]
