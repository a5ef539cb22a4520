from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from browser.chromium import SECONDS, Chromium
from browser.filling import Shown, of_all_kinds
from browser.visiting import Visits
from roark_otel.sandbox import Sandbox
from support.chromium import executable

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SECONDS = 180.0
"""A test that takes longer finds its Chromium killed, so that it fails instead of hanging."""


@pytest.fixture(scope="session", name="chromium")
def _chromium() -> Iterator[Chromium]:
    """Starts one Chromium for all tests of this process."""
    path = executable()
    if path is None:
        pytest.skip("there is no Chromium; tests/browser/install.sh installs it where it can")
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        chromium = Chromium(playwright, path)
        yield chromium
        chromium.stop()


@pytest.fixture(name="visit")
def _visit(chromium: Chromium, request: pytest.FixtureRequest) -> Iterator[Visits]:
    """Opens pages, and fails the test if one does what none may do."""
    if "sandbox" in request.fixturenames:
        request.getfixturevalue("sandbox")  # first, so that it is stopped after the pages that ask it are closed
    visits = Visits(chromium)
    bound = threading.Timer(MOST_SECONDS, chromium.kill)
    bound.start()
    try:
        yield visits
        visits.close()
    finally:
        bound.cancel()
    visits.watch.check()


@pytest.fixture(scope="session", name="shown")
def _shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """Starts one local Roark with calls of all kinds, for tests that only look."""
    with Sandbox() as sandbox:
        yield of_all_kinds(sandbox, tmp_path_factory.mktemp("shown"))
