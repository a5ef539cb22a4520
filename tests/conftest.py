"""What all tests share: an environment, a spool and engines of their own, and faults of ours that show."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from roark_otel._engine import assembler, registry
from roark_otel._safety import guard, log_ids
from roark_otel._setup import processor
from roark_otel.sandbox import Sandbox
from support.scoring import pytest_terminal_summary  # noqa: F401 - pytest finds the hook here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# How long an example takes says something about the machine, and nothing about us.
hypothesis_settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("any machine")


IDLE_SECONDS = 0.1
"""How long the assembler of an engine without a processor waits before its thread ends. Entries wake it at once."""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches a test, and no test writes outside its folder."""
    for name in os.environ:
        if name.startswith(("ROARK_", "OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ROARK_SPOOL_DIR", str(tmp_path / "spool"))


@pytest.fixture(autouse=True)
def _visible_faults(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours fails the test, unless the test is about faults; every test hears every warning."""
    monkeypatch.setattr(guard, "_reraise", request.node.get_closest_marker("faults") is None)
    guard._said.clear()
    log_ids._hashed.clear()


@pytest.fixture(autouse=True)
def _own_engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An engine ends with its test, with all that waits in it: nothing is delivered, or logged, in the next one."""
    monkeypatch.setattr(assembler, "IDLE_SECONDS", IDLE_SECONDS)
    yield
    registry.discard_all()
    processor._processors.clear()


@pytest.fixture(name="sandbox")
def _sandbox() -> Iterator[Sandbox]:
    """A local Roark on a free port."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(name="said")
def _said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What was logged, from INFO."""
    caplog.set_level(logging.INFO, "roark_otel")
    return caplog
