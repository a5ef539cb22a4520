"""The log record processor is attached to logger providers, as the span processor is to tracer providers."""

from __future__ import annotations

import gc
import weakref
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import _logs as logs
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider

import roark_otel
from roark_otel import RoarkLogRecordProcessor, RoarkSpanProcessor
from roark_otel._setup.log_providers import attach_log_processor, log_processors_of
from roark_otel._setup.providers import Following
from support.helpers import KEY, RECORDING

if TYPE_CHECKING:
    from collections.abc import Callable


def make() -> RoarkSpanProcessor:
    return RoarkSpanProcessor(api_key=KEY, base_url="http://127.0.0.1:9", recording_url=RECORDING)


def provider() -> LoggerProvider:
    return LoggerProvider(shutdown_on_exit=False)


def ours(there: LoggerProvider) -> int:
    return sum(isinstance(one, RoarkLogRecordProcessor) for one in log_processors_of(there))


@pytest.fixture(name="hooks")
def _hooks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[ModuleType], None]]:
    """What waits for imports; no provider is set yet."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(logs._internal, "_LOGGER_PROVIDER", None)
    return {}


def test_a_provider_gets_one_processor() -> None:
    there, own = provider(), provider()
    own.add_log_record_processor(RoarkLogRecordProcessor())

    for _ in range(2):
        attach_log_processor(there)
        attach_log_processor(own)

    assert (ours(there), ours(own)) == (1, 1)


def test_a_provider_that_takes_none_is_left_alone(said: pytest.LogCaptureFixture) -> None:
    attach_log_processor(logs.NoOpLoggerProvider())
    attach_log_processor(None)

    assert said.text == ""


def test_a_vendors_provider_gets_one_too() -> None:
    class Vendors:
        def __init__(self) -> None:
            self.added: list[Any] = []

        def add_log_record_processor(self, log_record_processor: Any) -> None:
            self.added.append(log_record_processor)

    vendors = Vendors()
    attach_log_processor(vendors)
    attach_log_processor(vendors)

    assert [type(one) for one in vendors.added] == [RoarkLogRecordProcessor]


def test_a_provider_is_not_kept_alive() -> None:
    there = provider()
    attach_log_processor(there)
    gone = weakref.ref(there)

    del there
    gc.collect()

    assert gone() is None


def test_the_current_provider_and_every_one_that_is_set_are_attached_to(
    hooks: dict[str, Callable[[ModuleType], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, first, second, late = (provider() for _ in range(4))
    monkeypatch.setattr(logs._internal, "_LOGGER_PROVIDER", there)
    taken: list[object] = []
    following = Following(make, hooks.__setitem__)
    following.begin()
    module = ModuleType("opentelemetry._logs")
    module.__dict__["set_logger_provider"] = lambda logger_provider: taken.append(logger_provider)
    hooks["opentelemetry._logs"](module)

    module.set_logger_provider(first)
    module.set_logger_provider(logger_provider=second)
    module.set_logger_provider(second)
    following.end()
    module.set_logger_provider(late)

    assert taken == [first, second, second, late]
    assert [ours(one) for one in (there, first, second, late)] == [1, 1, 1, 0]


def test_none_is_made(hooks: dict[str, Callable[[ModuleType], None]]) -> None:
    Following(make, hooks.__setitem__).begin()

    assert not isinstance(logs.get_logger_provider(), LoggerProvider)


@pytest.mark.usefixtures("hooks")
def test_configure_joins_the_logger_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    there, tracers = provider(), TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(logs._internal, "_LOGGER_PROVIDER", there)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", tracers)

    for _ in range(2):
        roark_otel.configure(api_key=KEY, base_url="http://127.0.0.1:9", recording_url=RECORDING, instrument=["none"])

    assert ours(there) == 1


@pytest.mark.usefixtures("hooks")
def test_without_a_key_configure_leaves_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    there = provider()
    monkeypatch.setattr(logs._internal, "_LOGGER_PROVIDER", there)

    roark_otel.configure()

    assert ours(there) == 0


@pytest.mark.faults
def test_a_fault_of_ours_does_not_reach_the_app(said: pytest.LogCaptureFixture) -> None:
    class Broken:
        def add_log_record_processor(self, log_record_processor: Any) -> None:
            raise OSError(log_record_processor)

    attach_log_processor(Broken())

    assert "OSError in attach_log_processor" in said.text
