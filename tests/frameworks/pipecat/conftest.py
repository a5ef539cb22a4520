"""Pipecat's own classes, run offline against a local Roark. Where Pipecat is not installed, nothing is collected."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from roark_otel.sandbox import Sandbox

if TYPE_CHECKING:
    from frameworks.pipecat.running import Played

# This folder has the framework's name, and without a file in it would pass for it.
if importlib.util.find_spec("pipecat") is None or importlib.util.find_spec("pipecat.pipeline") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session", name="played")
def _played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All calls of all apps, played once and at the same time."""
    from frameworks.pipecat import roster, running

    with Sandbox() as sandbox:
        return running.run_all(tmp_path_factory.mktemp("apps"), sandbox, roster.APPS)


@pytest.fixture(scope="session", name="listened")
def _listened(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The calls of the apps that listen to Pipecat, played once and at the same time."""
    from frameworks.pipecat import roster, running

    with Sandbox() as sandbox:
        return running.run_all(tmp_path_factory.mktemp("listening"), sandbox, roster.LISTENING)
