"""The pytest plugin: fixtures for the calls that an agent under test makes.

pytest loads it in every run, so it imports nothing of `roark_otel` until a test asks for a fixture.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, WeakSet

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from roark_otel.sandbox import Sandbox
    from roark_otel.testing import CapturedCalls

LOOPBACK_ONLY: Final = "_ROARK_OTEL_LOOPBACK_ONLY"
"""Set while tests run, also for processes that they start: processors then send calls to a loopback host or to none."""

_calls: WeakKeyDictionary[pytest.Item, list[CapturedCalls]] = WeakKeyDictionary()
"""What was captured in each test. No newer part of pytest is used here: the plugin must not stop anybody's tests."""

_sandboxes: WeakKeyDictionary[pytest.Item, Sandbox] = WeakKeyDictionary()
"""The local Roark of each test that has one."""

_passed: WeakSet[pytest.Item] = WeakSet()
"""The tests whose own code passed. One that was skipped on its way, or was to fail, need not look at its calls."""

_before: WeakKeyDictionary[pytest.Config, str | None] = WeakKeyDictionary()
"""What the variable was before each run of pytest: a plugin's own tests run pytest within pytest."""


def is_on_loopback_only() -> bool:
    """Returns whether a run of this process keeps calls here, also where a test has cleared the environment."""
    return len(_before) > 0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    group = parser.getgroup("roark", "calls of voice agents")
    group.addoption("--roark-live", action="store_true", help="let processors send calls to hosts other than loopback")
    group.addoption(
        "--roark-report", metavar="DIR", type=Path, help="write the calls of each failed test, as pages and as JSON"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keeps calls on this machine, and the folder of reports where it was when a test changes the directory."""
    folder: Path | None = config.getoption("--roark-report")
    if folder is not None:
        config.option.roark_report = config.invocation_params.dir / folder
    if not config.getoption("--roark-live"):
        _before[config] = os.environ.get(LOOPBACK_ONLY)
        os.environ[LOOPBACK_ONLY] = "1"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Lets later code of this process send calls again."""
    if config not in _before:
        return
    before = _before.pop(config)
    if before is None:
        os.environ.pop(LOOPBACK_ONLY, None)
    else:
        os.environ[LOOPBACK_ONLY] = before


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Notes a failure, and writes the calls of the test."""
    report: pytest.TestReport = (yield).get_result()
    if report.when == "call" and report.passed:
        _passed.add(item)
    folder: Path | None = item.config.getoption("--roark-report")
    if report.failed and folder is not None and (item in _calls or item in _sandboxes):
        from roark_otel_pytest.report import written

        if said := written(_calls.get(item, []), _sandboxes.get(item), folder, item.nodeid):
            report.sections.append(("roark calls", said))


@pytest.fixture
def roark_calls(request: pytest.FixtureRequest) -> Generator[CapturedCalls]:
    """Captures the calls of the test in memory: nothing is sent, no key is needed, and calls are made at once.

    A processor that was made at the import of the app is captured too. A test that passes and has not looked at each of
    its calls fails, unless it calls `roark_calls.ignore_rest()`.
    """
    from roark_otel.testing import capture_calls

    with capture_calls() as calls:
        _calls.setdefault(request.node, []).append(calls)
        yield calls
        _finish(calls)
        if request.node in _passed and (unseen := calls.unseen()):
            left = "\n".join(map(repr, unseen))
            number = f"{len(unseen)} call{'s' * (len(unseen) != 1)}"
            why = f"the test made {number} that it did not look at: use one(), loop over roark_calls, or ignore_rest()"
            pytest.fail(f"{why}\n{left}", pytrace=False)


@pytest.fixture
def roark_sandbox(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Generator[Sandbox]:
    """Runs a local Roark, and points this process and those that the test starts to it.

    A processor of this process that was made before keeps its settings; `roark_calls` is for those.

    It needs `pip install "roark-otel[sandbox]"`.
    """
    from roark_otel.testing import Sandbox

    with Sandbox() as sandbox:
        _sandboxes[request.node] = sandbox
        monkeypatch.setenv("ROARK_API_KEY", "rk_test")
        monkeypatch.setenv("ROARK_BASE_URL", sandbox.url)
        monkeypatch.setenv("ROARK_SPOOL_DIR", str(tmp_path / "roark-spool"))
        monkeypatch.setenv("ROARK_RECORDING_URL_TEMPLATE", "https://recordings.example.com/{external_id}.wav")
        yield sandbox


def _finish(calls: CapturedCalls) -> None:
    """Makes calls of what has ended, also where a plugin keeps an event loop running between tests."""
    from roark_otel_pytest.report import on_a_thread

    on_a_thread(calls.finish)
