"""What OpenTelemetry loads of this package in every process: without a key it imports nothing, and changes nothing."""

from __future__ import annotations

import json
import logging
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Decision, ParentBasedTraceIdRatio

from roark_otel_zero_code import delegate_of, has_key, sampler
from support.instrumented import environment, run

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

LOADED = """
import json, sys
heavy = ("roark_otel", "pydantic", "httpx")
print(json.dumps(sorted(name for name in sys.modules if name.split(".")[0] in heavy)))
"""


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"ROARK_API_KEY": " ", "ROARK_API_KEY_FILE": ""},
        {"ROARK_BASE_URL": "nonsense", "ROARK_EXTERNAL_ID_KEYS": "a"},
        {"OTEL_TRACES_SAMPLER": "roark", "OTEL_TRACES_SAMPLER_ARG": "0.5"},
    ],
    ids=["nothing", "empty", "others", "sampler"],
)
def test_without_a_key_nothing_of_the_package_is_imported(tmp_path: Path, environ: dict[str, str]) -> None:
    ran = run(tmp_path / "app.py", LOADED, environment(None, tmp_path / "spool", **environ))

    assert (ran.status, ran.err) == (0, "")
    assert json.loads(ran.out) == []


def test_the_completion_hook_does_nothing_without_a_processor(tmp_path: Path) -> None:
    """Whatever it is given."""
    code = """
from roark_otel_zero_code.completion_hook import RoarkCompletionHook
RoarkCompletionHook().on_completion(inputs=["hello"], outputs=None, tool_definitions=object(), more=1)
"""
    ran = run(tmp_path / "app.py", code + LOADED, environment(None, tmp_path / "spool"), instrumented=False)

    assert (ran.status, ran.out.strip(), ran.err) == (0, "[]", "")


def test_a_misspelt_key_is_still_logged(tmp_path: Path) -> None:
    ran = run(tmp_path / "app.py", LOADED, environment(None, tmp_path / "spool", ROARK_API_KYE="a-key"))

    assert ran.status == 0
    assert "ROARK_API_KYE is not a setting of this version and has no effect; nearest: ROARK_API_KEY" in ran.err
    assert "a-key" not in ran.err


@pytest.mark.parametrize("name", ["ROARK_API_KEY", "ROARK_API_BEARER_TOKEN", "ROARK_API_KEY_FILE", "ROARK_KEY"])
def test_what_may_be_a_key(name: str) -> None:
    assert has_key({name: "x"})
    assert not has_key({name: " ", "ROARK_EXTERNAL_ID_KEYS": "a", "OPENAI_API_KEY": "x", "ROARK_BASE_URL": "y"})


def test_the_entry_points_are_these() -> None:
    """The instrumentor is loaded in every process of `opentelemetry-instrument`."""
    ours = [one for one in metadata.distribution("roark-otel").entry_points if one.group.startswith("opentelemetry_")]

    assert {one.module.partition(".")[0] for one in ours} == {"roark_otel_zero_code"}
    assert {one.load().__module__.partition(".")[0] for one in ours} == {"roark_otel_zero_code"}


def test_the_sampler_records_from_the_first_processor_on(sandbox: Sandbox, tmp_path: Path) -> None:
    """Also where the key is an argument: until then there is nothing to record for."""
    code = f"""
from opentelemetry import trace
from roark_otel import RoarkSpanProcessor
from roark_otel_zero_code import sampler
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider(sampler=sampler("0"))
tracer = provider.get_tracer("app")
before = tracer.start_span("call", attributes={{"roark.external_id": "call-0"}})
provider.add_span_processor(RoarkSpanProcessor(api_key="k", base_url={sandbox.url!r}, linger_seconds=0,
    recording_url="https://example.com/a.wav"))
with tracer.start_as_current_span("call", attributes={{"roark.external_id": "call-1"}}) as span:
    span.add_event("roark.transcript", {{"role": "agent", "text": "Hello."}})
print(before.is_recording(), span.get_span_context().trace_flags.sampled, provider.sampler.get_description())
assert provider.force_flush()
"""
    ran = run(tmp_path / "app.py", code, environment(None, tmp_path / "spool"), instrumented=False)

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("False False RoarkSampler{")
    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"]


def test_until_then_it_samples_as_its_delegate() -> None:
    made = sampler("0.25")
    assert made.get_description() == ParentBasedTraceIdRatio(0.25).get_description()
    assert made.should_sample(None, 2**64 - 1, "call").decision is Decision.DROP


def test_an_argument_that_is_none_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert delegate_of("half") is DEFAULT_ON
    (warning,) = caplog.records
    assert (warning.levelno, warning.name) == (logging.WARNING, "roark_otel")
