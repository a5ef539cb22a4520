"""Checks which of the installed instrumentations hide what is said, and which variable shows it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Final

from roark_otel._settings.environment import GENAI_CAPTURE_CONTENT
from roark_otel.cli.doctor.findings import Finding, Fine, Warned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
EXPERIMENTAL: Final = "gen_ai_latest_experimental"
HOOK: Final = "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"
EMITS_EVENTS: Final = "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT"
LIVEKIT: Final = "LIVEKIT_TELEMETRY_ALLOW_PII"
ADK: Final = "ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS"
TRACELOOP: Final = "TRACELOOP_TRACE_CONTENT"
AZURE: Final = "AZURE_TRACING_GEN_AI_CONTENT_RECORDING_ENABLED"
OPENINFERENCE: Final = tuple(
    f"OPENINFERENCE_HIDE_{name}"
    for name in ("INPUTS", "OUTPUTS", "INPUT_MESSAGES", "OUTPUT_MESSAGES", "INPUT_TEXT", "OUTPUT_TEXT")
)

_ON_SPANS: Final = frozenset({"span_only", "span_and_event"})
_ON_EVENTS: Final = frozenset({"event_only", "span_and_event"})
_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_TO_SHOW: Final = f"set {GENAI_CAPTURE_CONTENT}=SPAN_ONLY"
_BOTH: Final = f"{_TO_SHOW} and {OPT_IN}={EXPERIMENTAL}"
_LOGGED: Final = (
    "opentelemetry-instrument takes them from there; an app without it adds RoarkLogRecordProcessor() to its logger "
    "provider"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """Messages are on spans, or handed to a hook: `where`."""

    where: str = "on spans"


@dataclass(frozen=True, slots=True)
class Logged:
    """Messages are on log events, and on no span."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Messages are nowhere. `why`: which variable hides them; `cure`: what to set."""

    why: str
    cure: str


def check_content(environ: Mapping[str, str], names: Callable[[], Iterable[str]] | None = None) -> list[Finding]:
    """Checks for each kind of instrumentation that is installed whether it shows what is said.

    Args:
        environ: The environment.
        names: Returns the names of all distributions with their versions, as `name==version`. Default: those that are
            installed.
    """
    variables = {name: value.strip().lower() for name, value in environ.items() if value.strip()}
    by_kind: dict[str, list[str]] = {}
    for one in sorted(set((names or _installed)())):
        name, _, version = one.partition("==")
        if (kind := _kind(name, version)) is not None:
            by_kind.setdefault(kind, []).append(f"{name} {version}".rstrip())
    return [_finding(found, _STATES[kind](variables)) for kind, found in by_kind.items()]


def _installed() -> Iterable[str]:
    return [f"{one.metadata['Name']}=={one.version}" for one in metadata.distributions() if one.metadata["Name"]]


def _finding(instrumentations: list[str], state: Shown | Logged | Hidden) -> Finding:
    listed = ", ".join(instrumentations)
    match state:
        case Shown(where):
            return Fine("content", f"{listed}: messages are {where}")
        case Logged():
            return Warned("content", f"{listed}: messages are on log events, and on no span", _LOGGED)
        case Hidden(why, cure):
            return Warned("content", f"{listed}: messages are on no span ({why}), so calls have no words", cure)


def _kind(name: str, version: str) -> str | None:
    """Returns which variables an instrumentation heeds; None if it is none that this package reads."""
    name = name.lower().replace("_", "-")
    if name.startswith("openinference-instrumentation-"):
        return "openinference"
    if name.startswith("opentelemetry-instrumentation-genai-") or name == "opentelemetry-instrumentation-google-genai":
        return "util"
    if name == "google-adk":
        return "adk-1" if version.startswith(("0.", "1.")) else "adk"
    return _KINDS.get(name)


_KINDS: Final[Mapping[str, str]] = {
    "livekit-agents": "livekit",
    "opentelemetry-instrumentation-openai-v2": "events",
    "azure-ai-agents": "azure",
    "azure-ai-inference": "azure",
    "azure-ai-projects": "azure",
    "azure-ai-voicelive": "azure",
    "traceloop-sdk": "traceloop",
    **{
        f"opentelemetry-instrumentation-{one}": "traceloop"
        for one in (
            *("anthropic", "bedrock", "cohere", "crewai", "google-generativeai", "groq", "haystack", "langchain"),
            *("llamaindex", "mistralai", "ollama", "openai", "openai-agents", "replicate", "sagemaker", "together"),
            *("transformers", "vertexai", "watsonx"),
        )
    },
}


def _util(variables: Mapping[str, str]) -> Shown | Logged | Hidden:
    """OpenTelemetry's own instrumentations since they share `opentelemetry-util-genai`."""
    mode = variables.get(GENAI_CAPTURE_CONTENT, "")
    if variables.get(HOOK) == "roark":
        return Shown(f"handed to us by {HOOK}=roark")
    if mode in _ON_SPANS:
        return Shown()
    if mode not in _ON_EVENTS:
        return Hidden(_how(variables, GENAI_CAPTURE_CONTENT), f"{_TO_SHOW}, or {HOOK}=roark")
    return Hidden(f"{EMITS_EVENTS} is false", _TO_SHOW) if variables.get(EMITS_EVENTS) == "false" else Logged()


def _events(variables: Mapping[str, str]) -> Shown | Logged | Hidden:
    """OpenTelemetry's older instrumentation, which logs each message unless it is to follow the newest conventions."""
    mode = variables.get(GENAI_CAPTURE_CONTENT, "")
    if not _is_experimental(variables):
        return Logged() if mode in _TRUE else Hidden(_how(variables, GENAI_CAPTURE_CONTENT), _BOTH)
    if mode in _ON_SPANS:
        return Shown()
    return Logged() if mode in _ON_EVENTS else Hidden(_how(variables, GENAI_CAPTURE_CONTENT), _TO_SHOW)


def _adk(variables: Mapping[str, str]) -> Shown | Logged | Hidden:
    """Google's ADK from 2 on."""
    mode = variables.get(GENAI_CAPTURE_CONTENT, "")
    if mode in _ON_SPANS and _is_experimental(variables):
        return Shown()
    if mode in _ON_EVENTS or mode in _TRUE:
        return Logged()
    return Hidden(_how(variables, GENAI_CAPTURE_CONTENT), _BOTH)


def _adk_1(variables: Mapping[str, str]) -> Shown | Logged | Hidden:
    return Hidden(_how(variables, ADK), f"unset {ADK}") if variables.get(ADK) in _FALSE else Shown()


def _livekit(variables: Mapping[str, str]) -> Shown | Logged | Hidden:
    return Hidden(_how(variables, LIVEKIT), f"unset {LIVEKIT}") if variables.get(LIVEKIT) in _FALSE else Shown()


def _traceloop(variables: Mapping[str, str]) -> Shown | Logged | Hidden:
    if variables.get(TRACELOOP, "true") != "true":
        return Hidden(_how(variables, TRACELOOP), f"unset {TRACELOOP}")
    return Shown()


def _openinference(variables: Mapping[str, str]) -> Shown | Logged | Hidden:
    hiding = [name for name in OPENINFERENCE if variables.get(name) in _TRUE]
    return Hidden(", ".join(f"{name} is set" for name in hiding), f"unset {', '.join(hiding)}") if hiding else Shown()


def _azure(variables: Mapping[str, str]) -> Shown | Logged | Hidden:
    given = variables.get(GENAI_CAPTURE_CONTENT, variables.get(AZURE))
    if given in _TRUE:
        return Shown()
    return Hidden(_how(variables, GENAI_CAPTURE_CONTENT), f"set {GENAI_CAPTURE_CONTENT}=true")


_STATES: Final[Mapping[str, Callable[[Mapping[str, str]], Shown | Logged | Hidden]]] = {
    "util": _util,
    "events": _events,
    "adk": _adk,
    "adk-1": _adk_1,
    "livekit": _livekit,
    "traceloop": _traceloop,
    "openinference": _openinference,
    "azure": _azure,
}


def _is_experimental(variables: Mapping[str, str]) -> bool:
    return EXPERIMENTAL in (one.strip() for one in variables.get(OPT_IN, "").split(","))


def _how(variables: Mapping[str, str], name: str) -> str:
    return f"{name} is {variables[name]}" if name in variables else f"{name} is not set"
