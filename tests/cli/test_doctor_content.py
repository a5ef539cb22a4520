"""`roark-otel doctor` names the instrumentations that hide what is said, and the variable that shows it."""

from __future__ import annotations

from importlib import metadata

import pytest

from roark_otel.cli.doctor.content import check_content
from roark_otel.cli.doctor.findings import Fine, Warned

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
NEW = {OPT_IN: "http, gen_ai_latest_experimental"}
HOOK = "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"

UTIL = "opentelemetry-instrumentation-genai-openai==1.3b0"
EVENTS = "opentelemetry-instrumentation-openai-v2==2.4b0"
ADK_1, ADK_2 = "google-adk==1.20.0", "google-adk==2.13.0"
TRACELOOP = "opentelemetry-instrumentation-openai==0.62.4"
OPENINFERENCE = "openinference-instrumentation-openai==0.1.66"
LIVEKIT = "livekit-agents==1.8.9"
AZURE = "azure-ai-voicelive==1.2.0"


@pytest.mark.parametrize(
    ("installed", "environ"),
    [
        (UTIL, {CONTENT: "SPAN_ONLY"}),
        (UTIL, {CONTENT: " span_and_event "}),
        (UTIL, {HOOK: "roark"}),
        ("opentelemetry_instrumentation_genai_anthropic==1.3b0", {CONTENT: "SPAN_ONLY"}),
        ("opentelemetry-instrumentation-google-genai==1.3b0", {CONTENT: "SPAN_ONLY"}),
        (EVENTS, {CONTENT: "SPAN_ONLY", **NEW}),
        (ADK_1, {}),
        (ADK_1, {"ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS": "true"}),
        (ADK_2, {CONTENT: "SPAN_AND_EVENT", **NEW}),
        (TRACELOOP, {}),
        (TRACELOOP, {"TRACELOOP_TRACE_CONTENT": "true"}),
        (OPENINFERENCE, {}),
        (OPENINFERENCE, {"OPENINFERENCE_HIDE_INPUTS": "false"}),
        (LIVEKIT, {}),
        (LIVEKIT, {"LIVEKIT_TELEMETRY_ALLOW_PII": "1"}),
        (AZURE, {CONTENT: "true"}),
        (AZURE, {"AZURE_TRACING_GEN_AI_CONTENT_RECORDING_ENABLED": "true"}),
    ],
)
def test_one_that_shows_it_is_fine(installed: str, environ: dict[str, str]) -> None:
    (found,) = check_content(environ, lambda: [installed, "pytest==8.0"])

    assert isinstance(found, Fine)


@pytest.mark.parametrize(
    ("installed", "environ", "why", "cure"),
    [
        (UTIL, {}, f"{CONTENT} is not set", f"set {CONTENT}=SPAN_ONLY, or {HOOK}=roark"),
        (UTIL, {CONTENT: "true"}, f"{CONTENT} is true", f"set {CONTENT}=SPAN_ONLY, or {HOOK}=roark"),
        (UTIL, {CONTENT: "NO_CONTENT", HOOK: "upload"}, f"{CONTENT} is no_content", f"set {CONTENT}=SPAN_ONLY"),
        (
            UTIL,
            {CONTENT: "EVENT_ONLY", "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "false"},
            "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT is false",
            f"set {CONTENT}=SPAN_ONLY",
        ),
        (EVENTS, {}, f"{CONTENT} is not set", f"{OPT_IN}=gen_ai_latest_experimental"),
        (EVENTS, {CONTENT: "SPAN_ONLY"}, f"{CONTENT} is span_only", f"{OPT_IN}=gen_ai_latest_experimental"),
        (EVENTS, {CONTENT: "true", **NEW}, f"{CONTENT} is true", f"set {CONTENT}=SPAN_ONLY"),
        (ADK_1, {"ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS": "0"}, "IN_SPANS is 0", "unset ADK_CAPTURE"),
        (ADK_2, {}, f"{CONTENT} is not set", f"{OPT_IN}=gen_ai_latest_experimental"),
        (ADK_2, {CONTENT: "SPAN_ONLY"}, f"{CONTENT} is span_only", f"{OPT_IN}=gen_ai_latest_experimental"),
        (
            TRACELOOP,
            {"TRACELOOP_TRACE_CONTENT": "no"},
            "TRACELOOP_TRACE_CONTENT is no",
            "unset TRACELOOP_TRACE_CONTENT",
        ),
        ("traceloop-sdk==0.62.4", {"TRACELOOP_TRACE_CONTENT": "False"}, "is false", "unset TRACELOOP_TRACE_CONTENT"),
        (
            OPENINFERENCE,
            {"OPENINFERENCE_HIDE_INPUTS": "true", "OPENINFERENCE_HIDE_OUTPUT_TEXT": "1"},
            "OPENINFERENCE_HIDE_INPUTS is set, OPENINFERENCE_HIDE_OUTPUT_TEXT is set",
            "unset OPENINFERENCE_HIDE_INPUTS, OPENINFERENCE_HIDE_OUTPUT_TEXT",
        ),
        (LIVEKIT, {"LIVEKIT_TELEMETRY_ALLOW_PII": "off"}, "ALLOW_PII is off", "unset LIVEKIT_TELEMETRY_ALLOW_PII"),
        (AZURE, {}, f"{CONTENT} is not set", f"set {CONTENT}=true"),
    ],
)
def test_one_that_hides_it_is_named_with_the_variable(
    installed: str, environ: dict[str, str], why: str, cure: str
) -> None:
    (found,) = check_content(environ, lambda: [installed])

    assert isinstance(found, Warned)
    assert found.seen.startswith(f"{installed.replace('==', ' ')}: messages are on no span".replace("_", "-"))
    assert why in found.seen
    assert cure in found.cure


@pytest.mark.parametrize(
    ("installed", "environ"),
    [(UTIL, {CONTENT: "EVENT_ONLY"}), (EVENTS, {CONTENT: "true"}), (ADK_2, {CONTENT: "true"})],
)
def test_one_that_logs_it_is_named_with_the_processor(installed: str, environ: dict[str, str]) -> None:
    (found,) = check_content(environ, lambda: [installed])

    assert isinstance(found, Warned)
    assert "on log events" in found.seen
    assert "RoarkLogRecordProcessor()" in found.cure


def test_those_of_one_kind_are_named_together() -> None:
    installed = [UTIL, TRACELOOP, "opentelemetry-instrumentation-genai-anthropic==1.3b0", UTIL]

    found = check_content({}, lambda: installed)

    assert [one.seen.partition(": ")[0] for one in found] == [
        "opentelemetry-instrumentation-genai-anthropic 1.3b0, opentelemetry-instrumentation-genai-openai 1.3b0",
        "opentelemetry-instrumentation-openai 0.62.4",
    ]


def test_where_none_is_installed_nothing_is_said() -> None:
    assert check_content({}, lambda: ["pytest==8.0", "opentelemetry-instrumentation-fastapi==0.66b2"]) == []


def test_what_is_installed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Installed:
        version = "1.8.9"
        metadata = {"Name": "livekit-agents"}  # noqa: RUF012 - as a distribution has it

    class Broken:
        version = "1"
        metadata = {"Name": None}  # noqa: RUF012

    monkeypatch.setattr(metadata, "distributions", lambda: [Installed(), Broken()])

    assert check_content({}) == [Fine("content", "livekit-agents 1.8.9: messages are on spans")]
