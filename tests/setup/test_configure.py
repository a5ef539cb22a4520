"""`configure`: an app that has not set up tracing gets tracing and calls in one line."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.util._once import Once

from roark_otel import RoarkSampler, RoarkSpanProcessor, Settings, configure
from roark_otel._setup.providers import processors_of
from roark_otel.types import Configured
from support.helpers import ID, KEY, RECORDING, customer_said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _own_global_provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets each test set OpenTelemetry's global provider, which a process can set only once."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    yield
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def hold(external_id: str = "call-1") -> trace.Span:
    attributes: dict[str, Any] = {ID: external_id, "roark.conversation.root": True}
    with trace.get_tracer("app").start_as_current_span("call", attributes=attributes) as root:
        customer_said(root, "Hello?")
    return root


def flush() -> bool:
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    return provider.force_flush()


def test_it_makes_a_provider_and_the_call_is_linked(sandbox: Sandbox) -> None:
    done = configure(
        api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, export_traces=True, service_name="order-desk"
    )
    root = hold()

    assert done == Configured(provider="made", processor="added", traces="to_roark")
    assert flush()
    call = sandbox.call("call-1")
    assert call.trace_ids == (f"{root.get_span_context().trace_id:032x}",)
    assert call.body["properties"]["service_name"] == "order-desk"


def test_an_existing_provider_is_joined(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

    done = configure(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING)
    hold()

    assert done == Configured(provider="joined", processor="added", traces="elsewhere")
    assert trace.get_tracer_provider() is provider
    assert flush()
    assert len(sandbox.calls()) == 1
    assert [span.name for span in exporter.get_finished_spans()] == ["call"]
    assert "nothing exports the spans" not in said.text


def test_a_second_call_changes_nothing(sandbox: Sandbox) -> None:
    first = configure(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING)
    second = configure(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING)
    hold()

    assert (first.processor, second) == ("added", Configured("joined", "there", "nowhere"))
    assert len(processors_of(trace.get_tracer_provider())) == 1
    assert flush()
    assert len(sandbox.calls()) == 1


def test_a_processor_of_the_apps_own_is_found(sandbox: Sandbox) -> None:
    provider = TracerProvider()
    provider.add_span_processor(RoarkSpanProcessor(api_key=KEY, base_url=sandbox.url))
    trace.set_tracer_provider(provider)

    assert configure(api_key=KEY, base_url=sandbox.url).processor == "there"


def test_without_an_exporter_it_warns_once_that_calls_have_no_trace(
    sandbox: Sandbox, said: pytest.LogCaptureFixture
) -> None:
    configure(api_key=KEY, base_url=sandbox.url)
    configure(api_key=KEY, base_url=sandbox.url)

    assert said.text.count("nothing exports the spans, so calls are made without a trace") == 1
    assert "ROARK_EXPORT_TRACES=true" in said.text


def test_everything_from_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROARK_API_KEY", KEY)
    monkeypatch.setenv("ROARK_BASE_URL", sandbox.url)
    monkeypatch.setenv("ROARK_EXPORT_TRACES", "true")
    monkeypatch.setenv("ROARK_RECORDING_URL_TEMPLATE", "https://example.com/{external_id}.wav")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "order-desk")

    assert configure().traces == "to_roark"
    hold()

    assert flush()
    call = sandbox.call("call-1")
    assert call.body["recordingUrl"] == "https://example.com/call-1.wav"
    assert call.body["properties"]["service_name"] == "order-desk"
    assert len(call.trace_ids) == 1


def test_an_argument_wins_over_settings(sandbox: Sandbox) -> None:
    settings = Settings(base_url="https://elsewhere.example.com", agent_name="Order desk")

    configure(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, settings=settings)
    hold()

    assert flush()
    assert sandbox.call("call-1").body["agent"]["name"] == "Order desk"


def test_every_setting_is_an_argument(sandbox: Sandbox) -> None:
    configure(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, agent_name="Order desk", linger_seconds=0)
    hold()

    assert flush()
    assert sandbox.call("call-1").body["agent"]["name"] == "Order desk"


@pytest.mark.parametrize(
    ("switch", "says_why"),
    [
        ({}, True),
        ({"ROARK_API_KEY": KEY, "ROARK_OBSERVABILITY_ENABLED": "false"}, False),
        ({"ROARK_API_KEY": KEY, "OTEL_SDK_DISABLED": "true"}, False),
    ],
    ids=["no key", "kill switch", "no SDK"],
)
def test_nothing_is_set_up_if_no_calls_are_made(
    monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture, switch: dict[str, str], says_why: bool
) -> None:
    for name, value in switch.items():
        monkeypatch.setenv(name, value)

    assert configure() == Configured("untouched", "none", "nowhere")
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert ("set ROARK_API_KEY" in said.text) is says_why


def test_a_provider_that_takes_no_processors_is_left_alone(said: pytest.LogCaptureFixture) -> None:
    trace.set_tracer_provider(trace.NoOpTracerProvider())

    assert configure(api_key=KEY).provider == "untouched"
    assert "takes no span processors" in said.text


def test_an_invalid_argument_raises_at_once() -> None:
    with pytest.raises(ValueError, match="base_url: must be https"):
        configure(api_key=KEY, base_url="http://example.com")

    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_livekit_that_was_imported_before_gets_the_provider(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps the provider that it found at its import; tests/frameworks runs the real LiveKit."""
    given: list[Any] = []
    telemetry = ModuleType("livekit.agents.telemetry")
    telemetry.__dict__["set_tracer_provider"] = given.append
    monkeypatch.setitem(sys.modules, "livekit.agents.telemetry", telemetry)

    configure(api_key=KEY, base_url=sandbox.url)

    assert given == [trace.get_tracer_provider()]


# What it returns is true


@pytest.fixture(name="no_exporter")
def _no_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the extra `otlp` away, as in an environment without it."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)


@pytest.mark.usefixtures("no_exporter")
def test_without_the_extra_no_traces_go_to_roark(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    done = configure(api_key=KEY, base_url=sandbox.url, export_traces=True)

    assert done == Configured("made", "added", "nowhere")
    assert 'pip install "roark-otel[otlp]"' in said.text


@pytest.mark.parametrize("is_exporting", [True, False])
def test_a_processor_that_is_there_decides_where_traces_go(
    sandbox: Sandbox, said: pytest.LogCaptureFixture, is_exporting: bool
) -> None:
    provider = TracerProvider()
    own = RoarkSpanProcessor(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, export_traces=is_exporting)
    provider.add_span_processor(own)
    trace.set_tracer_provider(provider)

    done = configure(api_key=KEY, base_url=sandbox.url, export_traces=not is_exporting)
    hold()

    assert done == Configured("joined", "there", "to_roark" if is_exporting else "nowhere")
    assert ("export_traces has no effect" in said.text) is not is_exporting
    assert flush()
    assert len(sandbox.call("call-1").trace_ids) == int(is_exporting)


@pytest.mark.parametrize(
    "sampler",
    [
        ALWAYS_OFF,
        ParentBased(ALWAYS_OFF),
        TraceIdRatioBased(0.0),
        ParentBased(TraceIdRatioBased(0)),
        RoarkSampler(ParentBased(ALWAYS_OFF)),
    ],
    ids=lambda sampler: sampler.get_description()[:40],
)
def test_where_a_sampler_drops_all_no_traces_go_anywhere(
    sandbox: Sandbox, said: pytest.LogCaptureFixture, sampler: Sampler
) -> None:
    """The calls of `RoarkSampler` are made all the same."""
    trace.set_tracer_provider(TracerProvider(sampler=sampler))

    done = configure(api_key=KEY, base_url=sandbox.url, recording_url=RECORDING, export_traces=True)
    hold()

    assert done == Configured("joined", "added", "nowhere")
    assert "the sampler drops every trace" in said.text
    assert flush()
    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"] * isinstance(sampler, RoarkSampler)


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off"])
def test_so_does_one_of_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, sampler: str) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)

    assert configure(api_key=KEY, base_url=sandbox.url, export_traces=True).traces == "nowhere"


def test_a_sampler_that_keeps_some_drops_not_all(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.05")

    assert configure(api_key=KEY, base_url=sandbox.url, export_traces=True).traces == "to_roark"


class Copies(SpanProcessor):
    """Copies something onto spans when they start, as the processor of baggage does; it exports nothing."""


def test_a_processor_that_exports_nothing_is_no_exporter(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    provider = TracerProvider()
    provider.add_span_processor(Copies())
    trace.set_tracer_provider(provider)

    assert configure(api_key=KEY, base_url=sandbox.url) == Configured("joined", "added", "nowhere")
    assert "nothing exports the spans" in said.text


def test_a_provider_without_processors_exports_nothing() -> None:
    trace.set_tracer_provider(trace.NoOpTracerProvider())

    assert configure(api_key=KEY, export_traces=True) == Configured("untouched", "none", "nowhere")


def test_a_processor_that_makes_no_calls_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under pytest, one for an address that is not on this machine."""
    monkeypatch.setenv("_ROARK_OTEL_LOOPBACK_ONLY", "1")

    assert configure(api_key=KEY, base_url="https://roark.example.com").processor == "none"
