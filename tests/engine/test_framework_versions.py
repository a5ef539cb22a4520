"""The version of a framework is the installed one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roark_otel._engine import framework_versions
from roark_otel._linking.defaults import Defaults
from roark_otel._linking.link import Unrecorded, link
from roark_otel._model.finished import Ended, FinishedConversation
from roark_otel._model.moments import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def properties(framework: str, defaults: Defaults) -> object:
    moments = (("livekit", (Fact("property.framework", framework, 1, 1),)),)
    linked = link(FinishedConversation("a", 1, 1, 1, 0, 1, Ended(), moments), defaults)
    assert isinstance(linked, Unrecorded)
    return linked.body["properties"]


@pytest.fixture(autouse=True)
def _nothing_looked_up() -> Iterator[None]:
    framework_versions._installed.cache_clear()
    yield
    framework_versions._installed.cache_clear()


def test_a_framework_that_is_installed_has_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pipecat_ai-1.99.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: pipecat-ai\nVersion: 1.99.0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    found = properties("pipecat", Defaults(version_of=framework_versions.installed_versions(())))

    assert found == {"trace_id": f"{1:032x}", "framework": "pipecat", "framework_version": "1.99.0"}


def test_a_framework_that_is_not_installed_has_none() -> None:
    assert framework_versions.installed_versions(())("a framework of no dialect") is None


def test_without_a_function_for_versions_there_is_none() -> None:
    assert properties("pipecat", Defaults()) == {"trace_id": f"{1:032x}", "framework": "pipecat"}
