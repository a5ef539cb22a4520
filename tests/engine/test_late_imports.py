"""What is imported when, and on which thread: counted in modules, each time in an interpreter of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

import roark_otel
from roark_otel.sandbox import Sandbox
from support.helpers import by_id

if TYPE_CHECKING:
    from pathlib import Path

LOADED = """
import json, sys
import opentelemetry.sdk.trace

def loaded_by(function):
    before = set(sys.modules)
    function()
    return sorted(set(sys.modules) - before)

def use():
    import roark_otel
    {use}

print(json.dumps([loaded_by(lambda: __import__("roark_otel")), loaded_by(use)]))
"""
"""Prints what `import roark_otel` loads that the SDK has not loaded, and what using it loads then."""

APP = """
import atexit, json, sys, threading
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor

imported = []
atexit.register(lambda: print(json.dumps(imported)))  # the first that is registered runs last
processor = RoarkSpanProcessor(
    api_key="key",
    base_url=sys.argv[1],
    spool_dir=sys.argv[2],
    recording_url="https://example.com/call.wav",
    redact=lambda value: value,
    linger_seconds=0.0,
)
provider = TracerProvider()
provider.add_span_processor(processor)

def note(event, arguments):
    if event == "import":
        imported.append([threading.current_thread().name, arguments[0]])

sys.addaudithook(note)
with provider.get_tracer("app").start_as_current_span("call", attributes={"roark.external_id": "call-1"}) as span:
    span.add_event("roark.transcript", {"role": "customer", "text": "Hello."})
"""


def run(script: str, *arguments: str) -> Any:
    """Runs a script in an interpreter of its own. Returns what it printed, as JSON."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def packages(modules: list[str]) -> set[str]:
    """Returns the packages of these modules that are not Python's own."""
    return {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - {"__mp_main__"}


def ours(modules: list[str]) -> list[str]:
    return [module for module in modules if module.startswith("roark_otel.")]


def test_the_import_loads_no_package_that_the_sdk_does_not_need() -> None:
    """Nor a part of Python that takes long, nor what reads conversations: only one that comes needs it.

    Every SDK depends on `typing_extensions`; only newer ones load it themselves (1.33.1 on Python 3.11 does not).
    """
    loaded, _ = run(LOADED.format(use=""))

    assert packages(loaded) <= {"opentelemetry", "roark_otel", "roark_otel_zero_code", "typing_extensions"}
    assert not {"asyncio", "concurrent.futures", "http.client", "ssl", "statistics", "urllib.request"} & set(loaded)
    assert not [module for module in ours(loaded) if module.endswith(".reader")]
    assert not [module for module in ours(loaded) if module.startswith(("roark_otel._assembly", "roark_otel.sandbox"))]
    assert not {"roark_otel._settings.settings", "roark_otel._model.call", "roark_otel._delivery.client"} & set(loaded)


@pytest.mark.parametrize(
    ("use", "module"),
    [
        ("roark_otel.Settings", "roark_otel._settings.settings"),
        ("help_ = roark_otel.RoarkSpanProcessor.__doc__", "roark_otel._settings.settings"),
        ("roark_otel.types.Call", "roark_otel._model.call"),
        ("from roark_otel.types import UnrecordedCall", "roark_otel._model.call"),
    ],
)
def test_public_names_import_pydantic_s_models_when_they_are_first_used(use: str, module: str) -> None:
    _, loaded = run(LOADED.format(use=use))

    assert module in loaded
    assert "pydantic" in packages(loaded)


def test_a_constructor_loads_the_settings_and_not_httpx(tmp_path: Path) -> None:
    use = f"roark_otel.RoarkSpanProcessor(api_key='key', spool_dir={str(tmp_path)!r})"

    _, loaded = run(LOADED.format(use=use))

    assert "roark_otel._settings.settings" in loaded
    assert {module.split(".")[1] for module in ours(loaded)} == {"_linking", "_model", "_settings"}
    assert not {"roark_otel._linking.link", "roark_otel._linking.wire_json"} & set(loaded)
    assert "pydantic" in packages(loaded)
    assert not {"httpx", "httpx2"} & set(packages(loaded))


@pytest.mark.parametrize("end", ["assert processor.force_flush()", ""], ids=["flush", "exit"])
def test_after_the_constructor_only_our_own_threads_import(end: str, tmp_path: Path) -> None:
    """The app's threads import nothing, whether a call is flushed or delivered by the exit's hooks."""
    with Sandbox() as roark:
        imported: list[tuple[str, str]] = [(thread, name) for thread, name in run(APP + end, roark.url, str(tmp_path))]
        assert list(by_id(roark.calls())) == ["call-1"]

    assert {thread for thread, _ in imported} == {"roark-otel-assembler", "roark-otel-courier"}
    httpx = "httpx2" if find_spec("httpx2") else "httpx"
    assert ("roark-otel-courier", httpx) in imported


@pytest.mark.skipif(find_spec("httpx2") is None, reason="httpx2 is not installed here")
def test_where_the_newer_httpx_is_installed_the_older_one_is_not_imported(tmp_path: Path) -> None:
    """Newer clients of OpenAI look for it among the modules at each request, and raise if they find half of it."""
    with Sandbox() as roark:
        imported = [name for _, name in run(APP + "assert processor.force_flush()", roark.url, str(tmp_path))]

    assert "httpx2" in imported
    assert "httpx" not in imported


def test_the_assembler_has_imported_all_readers_before_it_reads_a_span(tmp_path: Path) -> None:
    """So the first span of a framework costs the exit no import, even if it is the process's last."""
    with Sandbox() as roark:
        imported = run(APP, roark.url, str(tmp_path))

    names = [name for thread, name in imported if thread == "roark-otel-assembler"]
    readers = {name.split(".")[-2] for name in names if name.endswith(".reader")}
    assert readers == {"gen_ai", "livekit", "openinference", "pipecat", "roark"}
    assert "roark_otel._model.call" in names  # the app has a hook, which is given this model


def test_a_misspelt_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'roark_otel' has no attribute 'Setings'"):
        roark_otel.Setings  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"module 'roark_otel\.types' has no attribute 'Cal'"):
        roark_otel.types.Cal  # type: ignore[attr-defined]  # noqa: B018


def test_the_docstring_of_a_processor_lists_its_settings() -> None:
    described = roark_otel.RoarkSpanProcessor.__doc__

    assert described is not None
    assert "\n    linger_seconds: How long late spans still count" in described
    assert "\n    enabled: " not in described  # the kill switch is not an argument
