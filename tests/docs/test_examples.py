"""Runs each example as a reader would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.paths import EXAMPLES

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox


def run(example: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(  # noqa: S603 - this interpreter, our own example
        [sys.executable, str(EXAMPLES / example), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )


def test_plain_opentelemetry_becomes_a_call(sandbox: Sandbox) -> None:
    done = run(
        "plain_opentelemetry.py", ROARK_API_KEY="anything", ROARK_BASE_URL=sandbox.url, ROARK_LINGER_SECONDS="0.05"
    )

    external_id, _, outcome = done.stdout.strip().partition(": ")
    assert (done.returncode, done.stderr, outcome) == (0, "", "flushed True, delivered 1, still in the spool 0")
    body: dict[str, Any] = sandbox.call(external_id).body
    assert body["recordingUrl"] == f"https://recordings.example.com/{external_id}.wav"
    assert body["endedStatus"] == "CUSTOMER_ENDED_CALL"
    assert [(entry["role"], entry["text"]) for entry in body["transcript"]] == [
        ("AGENT", "Lakeside Bicycles, how can I help you?"),
        ("CUSTOMER", "Hi, where is my order A-17?"),
        ("AGENT", "It is in transit and arrives on Thursday."),
        ("CUSTOMER", "Great, thank you. Goodbye!"),
        ("AGENT", "Goodbye!"),
    ]
    assert [(tool["name"], tool["parameters"], tool["result"]) for tool in body["toolInvocations"]] == [
        ("find_order", {"order_id": "A-17"}, {"status": "in transit", "arrives": "Thursday"})
    ]


def test_spans_of_an_own_dialect_become_a_call(sandbox: Sandbox) -> None:
    done = run("own_dialect.py", ROARK_API_KEY="anything", ROARK_BASE_URL=sandbox.url, ROARK_LINGER_SECONDS="0.05")

    assert (done.returncode, done.stderr, done.stdout) == (0, "", "delivered\n")
    body: dict[str, Any] = sandbox.call("switchboard-1").body
    assert [(entry["role"], entry["text"]) for entry in body["transcript"]] == [
        ("CUSTOMER", "The billing office, please."),
        ("AGENT", "I am connecting you."),
    ]
    assert [(tool["name"], tool["result"]) for tool in body["toolInvocations"]] == [("transfer", {"to": "billing"})]


def test_a_websocket_loop_becomes_a_call(sandbox: Sandbox) -> None:
    done = run("conversation.py", ROARK_API_KEY="anything", ROARK_BASE_URL=sandbox.url, ROARK_LINGER_SECONDS="0.05")

    call_id, _, outcome = done.stdout.strip().partition(": ")
    assert (done.returncode, done.stderr, outcome) == (0, "", "delivered 1")
    body: dict[str, Any] = sandbox.call(call_id).body
    assert body["recordingUrl"] == f"https://recordings.example.com/{call_id}.wav"
    assert (body["endedStatus"], body["customer"]) == ("CUSTOMER_ENDED_CALL", {"phoneNumberE164": "+15550100"})
    assert [(entry["role"], entry["text"]) for entry in body["transcript"]] == [
        ("CUSTOMER", "Hi, where is my order A-17?"),
        ("AGENT", "It is in transit."),
        ("CUSTOMER", "And B-2?"),
        ("AGENT", "I cannot find B-2."),
        ("CUSTOMER", "Great, thank you."),
        ("AGENT", "Goodbye!"),
    ]
    assert [(tool["name"], tool["parameters"], tool["result"]) for tool in body["toolInvocations"]] == [
        ("find_order", {"order_id": "A-17"}, {"status": "in transit"}),
        ("find_order", {"order_id": "B-2"}, {"error": "KeyError: 'B-2'"}),
    ]


def test_plain_opentelemetry_without_a_key_logs_what_to_set() -> None:
    done = run("plain_opentelemetry.py")

    assert done.returncode == 1
    assert "set ROARK_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_tests_of_an_agent_pass() -> None:
    """As a reader runs them: with pytest in a process of its own."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLES / "testing")]

    done = subprocess.run(  # noqa: S603 - this interpreter, our own example
        command, cwd=EXAMPLES, env=known, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_compiles_and_explains_how_to_run_it(example: str) -> None:
    source = (EXAMPLES / example).read_text(encoding="utf-8")

    compile(source, example, "exec")
    assert f"python examples/{example}" in source


def test_the_livekit_example_is_a_worker() -> None:
    pytest.importorskip("livekit.agents", reason="livekit-agents has an environment of its own")

    done = run("livekit_agent.py", "--help")

    assert done.returncode == 0
    assert "dev" in done.stdout
