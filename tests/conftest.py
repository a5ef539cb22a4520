"""What all tests share: an environment, a spool and engines of their own, and faults of ours that show."""

from __future__ import annotations

import logging
import os
import tempfile
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from roark_otel._engine import process, registry
from roark_otel._linking import link
from roark_otel._linking.wire_json import to_json
from roark_otel._safety import guard, log_ids
from roark_otel._setup import processor
from roark_otel.sandbox import Sandbox
from support.contract import broken
from support.scoring import pytest_terminal_summary  # noqa: F401 - pytest finds the hook here

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from roark_otel._model.steps import Pause


# How long an example takes says something about the machine, and nothing about us.
hypothesis_settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("any machine")


NUMBERS = count()
"""Numbers the spools."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Returns how many workers `-n auto` is: tests wait as well as compute, for sockets, threads and processes."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True, scope="session")
def _environment_of_all() -> Iterator[None]:
    """Keeps the machine's settings from what runs once for several tests."""
    with pytest.MonkeyPatch.context() as environment:
        forget_settings(environment)
        # These tests have apps of other hosts, which the plugin for the tests of apps would keep here.
        environment.delenv("_ROARK_OTEL_LOOPBACK_ONLY", raising=False)
        environment.setattr("roark_otel_pytest.is_on_loopback_only", lambda: False)
        # Each HTTP client reads all authorities that the machine trusts, in 50 ms; those of a directory it looks up.
        environment.delenv("SSL_CERT_FILE", raising=False)
        environment.setenv("SSL_CERT_DIR", tempfile.gettempdir())
        yield


@pytest.fixture(scope="session", name="spools")
def _spools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes the folder of the spools of tests that have no folder of their own: to make one takes a test 2 ms."""
    return tmp_path_factory.mktemp("spools")


@pytest.fixture(autouse=True)
def _own_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, spools: Path) -> None:
    """Keeps the machine's settings from a test, and gives it a spool of its own, in its folder if it has one."""
    forget_settings(monkeypatch)
    own = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else spools / str(next(NUMBERS))
    monkeypatch.setenv("ROARK_SPOOL_DIR", str(own / "spool"))


def forget_settings(environment: pytest.MonkeyPatch) -> None:
    """Unsets every variable that this package or OpenTelemetry reads."""
    for name in list(os.environ):
        if name.startswith(("ROARK_", "OTEL_")):
            environment.delenv(name)


@pytest.fixture(autouse=True)
def _visible_faults(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours fails the test, unless the test is about faults; every test hears every warning."""
    monkeypatch.setattr(guard, "_reraise", request.node.get_closest_marker("faults") is None)
    guard._last_logged.clear()
    logging.getLogger("roark_otel").setLevel(logging.NOTSET)  # apps in other tests set it
    log_ids._hashed.clear()


@pytest.fixture(autouse=True)
def _valid_bodies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Holds every body that a test makes in this process against the model and the schema, on whatever thread."""
    faults: list[str] = []

    def checked(body: Mapping[str, object], pause: Pause) -> bytes:
        written = to_json(body, pause)
        faults.extend(broken(written))
        return written

    monkeypatch.setattr(link, "to_json", checked)
    yield
    assert not faults


@pytest.fixture(autouse=True)
def _own_engines() -> Iterator[None]:
    """An engine ends with its test, with all that waits in it: nothing is delivered, or logged, in the next one."""
    yield
    registry.discard_all()
    process._living.clear()  # an engine is part of cycles, and would be discarded after each test until a collection
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
