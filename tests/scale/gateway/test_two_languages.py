"""The example of two languages, run as a reader runs it: its call has what the Python and the Node process did."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from roark_otel.cli.calls.given import of_file
from support.gateways import texts
from support.helpers import wait_until
from support.node_exporters import node_modules
from support.paths import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 300
"""The longest that the command may take: npm gets packages."""


class Example:
    """A copy of the example, and what its command starts.

    Args:
        folder: Where the copy is made.
    """

    def __init__(self, folder: Path) -> None:
        shutil.copytree(EXAMPLES / "two-languages", folder, ignore=shutil.ignore_patterns("node_modules", "*.html"))
        self.folder = folder
        self.page = folder / "call.html"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()

    def start(self, **environment: str) -> subprocess.Popen[str]:
        """Starts its command as the leader of a process group."""
        return subprocess.Popen(
            [str(self.folder / "run.sh")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHON": sys.executable, "TMPDIR": str(self.temporary), **environment},
        )

    def run(self, **environment: str) -> tuple[int, str, str]:
        """Runs its command, and returns its exit status and what it printed."""
        process = self.start(**environment)
        try:
            printed, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        self.check_nothing_is_left(process)
        return process.returncode, printed, errors

    def check_nothing_is_left(self, process: subprocess.Popen[str]) -> None:
        """Checks that no process that it started is running, and that its temporary files are gone."""
        wait_until(lambda: is_gone(process.pid), SECONDS)
        assert list(self.temporary.glob("tmp.*")) == []


def is_gone(group: int) -> bool:
    """Whether no process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(name="example")
def _example(tmp_path: Path) -> Example:
    node_modules(EXAMPLES / "two-languages" / "package.json")  # skips without Node, npm or a registry
    return Example(tmp_path / "two languages")


def test_one_call_has_what_both_processes_did(example: Example) -> None:
    strangers_settings = {
        "OTEL_SDK_DISABLED": "true",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces",
        "ROARK_OBSERVABILITY_ENABLED": "false",
        "ALL_PROXY": "http://127.0.0.1:9",
        "ROARK_GATEWAY_TOKEN": "0123456789abcdef-token",
    }
    status, printed, errors = example.run(**strangers_settings)

    assert (status, errors) == (0, "")
    call = of_file("the page", example.page)
    lines = [
        "agent: Lakeside Bicycles, how can I help you?",
        "customer: Hi, where is my order A-17?",
        '  find_order(order_id="A-17") -> {"status": "in transit", "arrives": "Thursday"}',
        "agent: It is in transit and arrives on Thursday.",
        "customer: Great, thank you. Goodbye!",
        "agent: Goodbye!",
    ]
    assert "\n".join(lines) in printed
    assert f"{call.body['externalId']}  PHONE  INBOUND" in printed
    assert texts(call.body) == [line.partition(": ")[2] for line in lines if not line.startswith(" ")]
    assert [(tool["name"], tool["parameters"], tool["result"]) for tool in call.body["toolInvocations"]] == [
        ("find_order", {"order_id": "A-17"}, {"status": "in transit", "arrives": "Thursday"})
    ]
    spans = {span["name"]: span for span in call.document["spans"]}
    assert set(spans) == {"phone_call", "turn", "execute_tool find_order"}
    assert {span["traceId"] for span in spans.values()} == {call.body["properties"]["trace_id"]}
    assert spans["execute_tool find_order"]["parentSpanId"] == spans["turn"]["spanId"]


def test_what_is_missing_is_said_in_one_line(example: Example, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "dirname").symlink_to(str(shutil.which("dirname")))
    status, printed, errors = example.run(PATH=str(tools), PYTHON="no-python")

    assert (status, printed) == (1, "")
    assert errors == (
        'This example needs Node.js 20.6 or newer; npm; for no-python: pip install "roark-otel[local,gateway,otlp]"\n'
    )


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
@pytest.mark.parametrize("to", [os.kill, os.killpg], ids=["the command", "all, as a terminal"])
def test_a_command_that_is_stopped_leaves_nothing(
    example: Example, number: signal.Signals, status: int, to: Callable[[int, int], None]
) -> None:
    process = example.start()
    try:
        wait_until(lambda: any(example.temporary.glob("tmp.*/tools.log")) or process.poll() is not None, SECONDS)
        to(process.pid, number)
        process.communicate(timeout=SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == status
    example.check_nothing_is_left(process)
    assert not example.page.exists()
