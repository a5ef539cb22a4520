"""Processors are attached to providers, within this process; `tests/zerocode` does it as users do."""

from __future__ import annotations

import gc
import weakref
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from roark_otel import RoarkSpanProcessor, Settings
from roark_otel._setup import providers
from roark_otel._setup.providers import (
    Added,
    AlreadyThere,
    Following,
    TakesNone,
    attach_processor,
    is_off,
    processors_of,
)
from support.helpers import KEY, RECORDING

if TYPE_CHECKING:
    from collections.abc import Callable


def make() -> RoarkSpanProcessor:
    return RoarkSpanProcessor(api_key=KEY, base_url="http://127.0.0.1:9", recording_url=RECORDING)


def provider() -> TracerProvider:
    return TracerProvider(shutdown_on_exit=False)


def test_a_provider_gets_one_processor() -> None:
    there = provider()

    first, second = attach_processor(there, make), attach_processor(there, make)

    assert isinstance(first, Added)
    assert second == AlreadyThere(first.processor)
    assert processors_of(there) == (first.processor,)


def test_a_processor_that_the_app_added_is_enough() -> None:
    there, own = provider(), make()
    there.add_span_processor(own)

    assert attach_processor(there, make) == AlreadyThere(own)


def test_a_provider_without_the_sdks_private_attributes_gets_one_too() -> None:
    class Vendors:
        def __init__(self) -> None:
            self.added: list[Any] = []

        def add_span_processor(self, span_processor: Any) -> None:
            self.added.append(span_processor)

    vendors = Vendors()

    assert [type(attach_processor(vendors, make)) for _ in range(3)] == [Added, AlreadyThere, AlreadyThere]
    assert len(vendors.added) == 1


def test_a_provider_that_takes_no_processors_is_named() -> None:
    assert attach_processor(trace.NoOpTracerProvider(), make) == TakesNone("opentelemetry.trace.NoOpTracerProvider")


def test_a_provider_is_not_kept_alive() -> None:
    there = provider()
    attach_processor(there, make)
    gone = weakref.ref(there)

    del there
    gc.collect()

    assert gone() is None


@pytest.mark.parametrize(
    ("arguments", "environ", "off"),
    [
        ({}, {}, True),
        ({"api_key": KEY}, {}, False),
        ({"api_key_file": "key"}, {}, False),
        ({"api_key": KEY, "enabled": False}, {}, True),
        ({"api_key": KEY}, {"OTEL_SDK_DISABLED": " True "}, True),
        ({"api_key": KEY}, {"OTEL_SDK_DISABLED": "1"}, False),
    ],
)
def test_when_nothing_is_attached(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], environ: dict[str, str], off: bool
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert is_off(Settings(**arguments)) is off


class Modules:
    """Modules that are imported when a test says so."""

    def __init__(self) -> None:
        self.hooks: dict[str, Callable[[ModuleType], None]] = {}

    def when_imported(self, name: str, then: Callable[[ModuleType], None]) -> None:
        self.hooks[name] = then

    def imported(self, name: str, **content: Any) -> ModuleType:
        module = ModuleType(name)
        module.__dict__.update(content)
        self.hooks[name](module)
        return module


@pytest.fixture(name="modules")
def _modules(monkeypatch: pytest.MonkeyPatch) -> Modules:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    return Modules()


def test_every_provider_that_is_set_is_attached_to(modules: Modules) -> None:
    """Through LiveKit's function too, under both of its names, and it still returns what it returned."""
    taken: list[Any] = []
    Following(make, modules.when_imported).begin()
    telemetry = modules.imported("livekit.agents.telemetry.traces", set_tracer_provider=taken.append)
    package = modules.imported("livekit.agents.telemetry", set_tracer_provider=telemetry.set_tracer_provider)
    first, second = provider(), provider()

    telemetry.set_tracer_provider(first)
    package.set_tracer_provider(second)
    package.set_tracer_provider(second)

    assert taken == [first, second, second]
    assert [len(processors_of(one)) for one in (first, second)] == [1, 1]


def test_the_current_provider_is_attached_to(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    there = provider()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", there)

    Following(make, modules.when_imported).begin()

    assert len(processors_of(there)) == 1


def test_an_exception_of_a_setter_reaches_the_app(modules: Modules) -> None:
    def refuse(tracer_provider: object) -> None:
        raise RuntimeError(tracer_provider)

    Following(make, modules.when_imported).begin()
    module = modules.imported("opentelemetry.trace", set_tracer_provider=refuse)

    with pytest.raises(RuntimeError):
        module.set_tracer_provider(tracer_provider=provider())


@pytest.mark.faults
def test_a_fault_of_ours_does_not_reach_the_app(modules: Modules, said: pytest.LogCaptureFixture) -> None:
    def broken() -> RoarkSpanProcessor:
        raise OSError

    Following(broken, modules.when_imported).begin()
    module = modules.imported("opentelemetry.trace", set_tracer_provider=lambda tracer_provider: tracer_provider)
    there = provider()

    assert module.set_tracer_provider(tracer_provider=there) is there
    assert "OSError" in said.text


def test_after_the_end_no_provider_is_attached_to(modules: Modules) -> None:
    following = Following(make, modules.when_imported)
    following.begin()
    module = modules.imported("opentelemetry.trace", set_tracer_provider=lambda _: None)
    following.end()
    there = provider()

    module.set_tracer_provider(there)

    assert processors_of(there) == ()


def test_a_vendors_provider_and_a_second_integration_are_logged_once(
    modules: Modules, said: pytest.LogCaptureFixture
) -> None:
    Following(make, modules.when_imported).begin()
    module = modules.imported("opentelemetry.trace", set_tracer_provider=lambda _: None)
    for _ in range(3):
        module.set_tracer_provider(trace.NoOpTracerProvider())
        for name in providers.DOUBLES:
            modules.imported(name)

    assert said.text.count("takes no span processors") == 1
    assert [said.text.count(f"{name} is imported too") for name in providers.DOUBLES] == [1, 1]
