"""Runs apps in their own processes, on every Python of the machine, to test their forks and exits."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SECONDS = 300
"""The longest that a process may take, in seconds, on however slow a machine. Tests never wait it out."""

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")

PRELUDE = """
import asyncio, atexit, multiprocessing, os, signal, sys, threading, time
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import set_span_in_context
from roark_otel import RoarkSpanProcessor

URL = sys.argv[1]

def processor_that(**settings):
    waits = {"linger_seconds": 3600, "quiet_seconds": 3600, "exit_timeout_seconds": 60} | settings
    return RoarkSpanProcessor(
        api_key="test-key", base_url=URL, recording_url="https://example.com/recording.wav", **waits
    )

def begin(external_id):
    span = tracer.start_span("call", attributes={"roark.external_id": external_id})
    say(span, f"{external_id} begins.")
    return span

def say(span, text):
    span.add_event("roark.transcript", {"role": "customer", "text": text})
"""
"""The beginning of every app."""

PROVIDER = """
processor = processor_that()
provider = TracerProvider()
provider.add_span_processor(processor)
tracer = provider.get_tracer("app")
"""
"""Follows `PRELUDE` in apps that need no provider of their own."""


def python(version: str) -> str:
    """Returns the interpreter of this version that has the package, or skips the test if there is none."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    found = ROOT / ".venvs" / f"python{version}" / "bin" / "python"
    if not found.exists():
        pytest.skip(f"no Python {version} with the package: `make test-pythons` makes those that the machine has")
    return str(found)


def start(
    folder: Path, script: str, arguments: Sequence[str], interpreter: str = sys.executable
) -> subprocess.Popen[str]:
    """Starts an app from a file, because multiprocessing imports it again.

    Another app may be started from the same folder before this one has read it: no process ever sees half of a file.
    """
    app = folder / "app.py"
    written = app.with_suffix(".new")
    written.write_text(PRELUDE + textwrap.dedent(script), encoding="utf-8")
    written.replace(app)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.Popen(  # noqa: S603 - our own script
        [interpreter, str(app), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"PYTHONUNBUFFERED": "1"},
    )


def run(
    folder: Path, script: str, *arguments: str, interpreter: str = sys.executable, status: int = 0
) -> subprocess.CompletedProcess[str]:
    """Runs an app to its end, and checks its exit status."""
    process = start(folder, script, arguments, interpreter)
    try:
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == status, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
