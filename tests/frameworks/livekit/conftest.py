"""LiveKit's own classes, run offline against a local Roark. Where LiveKit is not installed, nothing is collected."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

import pytest

from frameworks.livekit import offline
from roark_otel.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frameworks.livekit.jobs import Worked
    from frameworks.livekit.stage import Played

if importlib.util.find_spec("livekit") is None or importlib.util.find_spec("livekit.agents") is None:
    collect_ignore_glob = ["test_*.py"]

_SETTINGS = ("ROARK_", "OTEL_", "LIVEKIT_")


@pytest.fixture(scope="session", name="played")
def _played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All calls of the program, played once and at the same time."""
    from frameworks.livekit import program, stage

    offline.stay()
    with pytest.MonkeyPatch.context() as patch, Sandbox() as sandbox:
        for name in _settings():
            patch.delenv(name)
        return stage.play_all(program.TASKS, sandbox, tmp_path_factory.mktemp("spool"))


@pytest.fixture(scope="session", name="roark")
def _roark() -> Iterator[Sandbox]:
    """The Roark of the workers."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session", name="workers")
def _workers(tmp_path_factory: pytest.TempPathFactory, roark: Sandbox) -> dict[str, Worked]:
    """Workers of both kinds, each run once."""
    from frameworks.livekit import jobs

    environ = {name: value for name, value in os.environ.items() if name not in _settings()}
    return jobs.run(["process", "thread"], tmp_path_factory.mktemp("workers"), roark, environ)


def _settings() -> list[str]:
    return [name for name in os.environ if name.startswith(_SETTINGS)]
