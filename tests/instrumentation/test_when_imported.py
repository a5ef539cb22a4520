"""A framework is listened to when it is imported, before or after an app asks for it."""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import roark_otel
from roark_otel._instrumentation import instrument as instrumenting
from roark_otel._instrumentation.when_imported import when_imported

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


@pytest.fixture(name="framework")
def _framework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with a module that nobody has imported."""
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "__init__.py").write_text("")
    (tmp_path / "voices" / "agents.py").write_text("GREETING = 'Hello?'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "voices.agents"
    for name in ("voices", "voices.agents"):
        sys.modules.pop(name, None)


def test_the_module_is_complete_when_it_is_reported(framework: str) -> None:
    before, reported = list(sys.meta_path), list[str]()
    when_imported(framework, lambda module: reported.append(module.GREETING))
    assert reported == []

    module = importlib.import_module(framework)

    assert reported == ["Hello?"]
    assert type(module.__loader__).__name__ == type(sys.modules["voices"].__loader__).__name__
    assert sys.meta_path == before


def test_one_that_is_imported_is_reported_at_once(framework: str) -> None:
    importlib.import_module(framework)
    reported: list[ModuleType] = []

    when_imported(framework, reported.append)

    assert [module.__name__ for module in reported] == [framework]


def test_a_fault_costs_no_import(framework: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roark_otel._safety.guard._reraise", False)

    def fail(_: ModuleType) -> None:
        raise RuntimeError

    when_imported(framework, fail)

    assert importlib.import_module(framework).GREETING == "Hello?"


def test_a_module_that_does_not_exist_costs_nothing() -> None:
    when_imported("voices.that_do_not_exist", lambda _: None)

    with pytest.raises(ImportError):
        importlib.import_module("voices.that_do_not_exist")


def test_a_framework_is_listened_to_once(framework: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(instrumenting, "FRAMEWORKS", {"voices": (framework, lambda one: heard.append(one.__name__))})
    monkeypatch.setattr(instrumenting, "_listening", set())
    importlib.import_module(framework)

    roark_otel.instrument()
    roark_otel.instrument("voices")

    assert heard == [framework]


def test_an_unknown_framework_is_an_error_in_code_and_a_warning_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(instrumenting, "FRAMEWORKS", {"voices": ("voices", lambda _: None)})

    with pytest.raises(ValueError, match="no framework 'pipcat': must be voices"):
        roark_otel.instrument("pipcat")
    instrumenting.listen_to(("pipcat", "none"))

    assert [record.getMessage() for record in caplog.records] == [
        "ROARK_INSTRUMENT: ignoring 'pipcat', which is no framework of this version; it may be voices, none"
    ]


@pytest.mark.parametrize("names", [("Voices",), ("NONE", "VOICES"), ("voices", "Voices"), ("pipcat", "voiCES")])
def test_the_environment_names_frameworks_in_any_case(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    listened: list[str] = []
    monkeypatch.setattr(instrumenting, "FRAMEWORKS", {"voices": ("voices", lambda _: None)})
    monkeypatch.setattr(instrumenting, "_listening", set())
    monkeypatch.setattr(instrumenting, "when_imported", lambda module, _: listened.append(module))

    instrumenting.listen_to(names)

    assert listened == ["voices"]


def test_one_that_another_thread_is_importing_is_reported_when_it_is_complete(framework: str) -> None:
    voices: Any = importlib.import_module("voices")

    begun, may_end = threading.Event(), threading.Event()
    source = "import threading\nfrom voices import begun, may_end\nbegun.set()\nmay_end.wait(60)\nGREETING = 'Hello?'\n"
    vars(voices).update(begun=begun, may_end=may_end)
    (Path(voices.__path__[0]) / "agents.py").write_text(source)
    importer = threading.Thread(target=importlib.import_module, args=(framework,))
    reported: list[str] = []
    importer.start()
    assert begun.wait(60)
    waiter = threading.Thread(target=when_imported, args=(framework, lambda module: reported.append(module.GREETING)))

    waiter.start()
    may_end.set()
    waiter.join(60)
    importer.join(60)

    assert reported == ["Hello?"]
