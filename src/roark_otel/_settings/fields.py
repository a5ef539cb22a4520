"""The fields of the settings: each with its variable, its default and its check."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from roark_otel._settings.checks import (
    LOWER,
    UPPER,
    ApiKey,
    Kinds,
    LocalPath,
    Names,
    ProjectId,
    Quantity,
    Redacted,
    RoarkUrl,
    Seconds,
    Share,
    SomeSeconds,
    TracesUrl,
    UrlTemplate,
    WebUrl,
)
from roark_otel._settings.spool_dir import default_spool_dir
from roark_otel._settings.variable import Variable

DEFAULT_BASE_URL: Final = "https://api.roark.ai"


# This module does without `from __future__ import annotations`: pydantic would compile each annotation at import.
class Fields(BaseModel):
    """What may be set. Each field says its environment variable and what it does."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    api_key: Annotated[
        ApiKey | None,
        Variable(
            "ROARK_API_KEY",
            "The key of the Roark project. Without one the processor does nothing, and logs one warning. "
            "`ROARK_API_BEARER_TOKEN`, the name that Roark's SDK uses, works too; `ROARK_API_KEY` wins.",
            other_name="ROARK_API_BEARER_TOKEN",
        ),
    ] = None
    api_key_file: Annotated[
        LocalPath | None,
        Variable("ROARK_API_KEY_FILE", "A file that holds the key. It is read again after Roark has refused the key."),
    ] = None
    base_url: Annotated[
        RoarkUrl,
        Variable(
            "ROARK_BASE_URL",
            "Roark's address, without user, password or query. Plain http is for a loopback host only.",
        ),
    ] = DEFAULT_BASE_URL
    project_id: Annotated[
        ProjectId | None, Variable("ROARK_PROJECT_ID", "The project, for a key that belongs to a user.")
    ] = None
    enabled: Annotated[
        bool,
        Variable("ROARK_OBSERVABILITY_ENABLED", "The kill switch: `false`, `0`, `no` or `off` turns everything off."),
    ] = True
    interface_type: Annotated[
        Annotated[Literal["PHONE", "WEB"], UPPER] | None,
        Variable(
            "ROARK_INTERFACE_TYPE",
            "The interface, where spans do not say.",
            "PHONE if a phone number is known, else WEB",
        ),
    ] = None
    call_direction: Annotated[
        Annotated[Literal["INBOUND", "OUTBOUND"], UPPER] | None,
        Variable("ROARK_CALL_DIRECTION", "The direction of the call, where spans do not say.", "INBOUND"),
    ] = None
    agent_name: Annotated[str | None, Variable("ROARK_AGENT_NAME", "The agent's name, where spans do not say.")] = None
    agent_custom_id: Annotated[
        str | None, Variable("ROARK_AGENT_CUSTOM_ID", "Your id for the agent, where spans do not say.")
    ] = None
    recording_url_template: Annotated[
        UrlTemplate | None,
        Variable(
            "ROARK_RECORDING_URL_TEMPLATE",
            "Where recordings are, with names in braces that are filled in URL-quoted: `{external_id} {trace_id} "
            "{livekit_room_id} {livekit_room_name} {service_name} {started_at:%Y/%m/%d} {property.NAME}`.",
        ),
    ] = None
    recording_delay_seconds: Annotated[
        Seconds,
        Variable(
            "ROARK_RECORDING_DELAY_SECONDS",
            "How long after the end of a call the template's URL is first used: uploads take time.",
        ),
    ] = 0.0
    recording_wait_seconds: Annotated[
        Seconds, Variable("ROARK_RECORDING_WAIT_SECONDS", "How long a call waits for its recording.")
    ] = 86_400.0
    recording_fallback_url: Annotated[
        WebUrl | None,
        Variable(
            "ROARK_RECORDING_FALLBACK_URL",
            "The recording that is sent when the wait is over; `properties.roark_recording` is then `fallback`.",
        ),
    ] = None
    spool_dir: Annotated[
        LocalPath,
        Variable(
            "ROARK_SPOOL_DIR",
            "The directory in which finished calls wait.",
            "`roark-otel/spool` in the user's state directory",
        ),
    ] = Field(default_factory=default_spool_dir)
    spool: Annotated[
        Annotated[Literal["disk", "memory"], LOWER],
        Variable(
            "ROARK_SPOOL",
            "Where finished calls wait. `memory`: nothing is written, and waiting calls are lost with the process.",
        ),
    ] = "disk"
    spool_max_bytes: Annotated[
        Quantity,
        Variable(
            "ROARK_SPOOL_MAX_BYTES",
            "The most bytes of calls that wait on disk. Beyond it new calls are delivered from memory, and that is "
            "logged at ERROR; nothing old is deleted for them.",
        ),
    ] = 1024**3
    spool_max_age_seconds: Annotated[
        SomeSeconds,
        Variable(
            "ROARK_SPOOL_MAX_AGE_SECONDS",
            "How long a call may wait in the spool. One that Roark still does not take is moved to `rejected/`.",
        ),
    ] = 604_800.0
    linger_seconds: Annotated[
        Seconds, Variable("ROARK_LINGER_SECONDS", "How long late spans still count after the root has ended.")
    ] = 2.0
    quiet_seconds: Annotated[
        Seconds,
        Variable(
            "ROARK_QUIET_SECONDS", "How long a call with an implied root waits for a further root of the same id."
        ),
    ] = 60.0
    idle_timeout_seconds: Annotated[
        SomeSeconds,
        Variable(
            "ROARK_IDLE_TIMEOUT_SECONDS",
            "How long a conversation may be without a new span before it is delivered as incomplete.",
        ),
    ] = 14_400.0
    max_conversations: Annotated[
        Quantity,
        Variable(
            "ROARK_MAX_CONVERSATIONS",
            "The most open conversations. Beyond it the one that has been idle longest is delivered early.",
        ),
    ] = 10_000
    exit_timeout_seconds: Annotated[
        Seconds,
        Variable("ROARK_EXIT_TIMEOUT_SECONDS", "How long `shutdown()` may take. Keep it under the pod's grace period."),
    ] = 5.0
    wait_at_end_seconds: Annotated[
        Seconds | None,
        Variable(
            "ROARK_WAIT_AT_END_SECONDS",
            "How long the end of a conversation may wait until its call is on disk, for processes that end by "
            "`os._exit` or by a signal. It never blocks an event loop: `async with conversation()` and `await "
            "call.aend()` wait there.",
            "0, but 0.2 in children of multiprocessing, billiard and rq, and with `async with`",
        ),
    ] = None
    http_timeout_seconds: Annotated[
        SomeSeconds, Variable("ROARK_HTTP_TIMEOUT_SECONDS", "How long one request may take.")
    ] = 10.0
    external_id_keys: Annotated[
        Names,
        Variable("ROARK_EXTERNAL_ID_KEYS", "Further attribute names from which the external id is taken, in order."),
    ] = ()
    auto_external_id: Annotated[
        bool,
        Variable(
            "ROARK_AUTO_EXTERNAL_ID",
            "`true`: a voice framework's conversation without an id gets one: the framework's own, such as that of a "
            "room, else the trace id.",
            "false, but true under `opentelemetry-instrument`",
        ),
    ] = False
    id_from_baggage: Annotated[
        bool,
        Variable(
            "ROARK_ID_FROM_BAGGAGE",
            "`true`: the id in the W3C baggage of a request names the conversation of a framework's root, or of a "
            "marked one. Only where you trust whoever sends requests.",
        ),
    ] = False
    call_sample_ratio: Annotated[
        Share, Variable("ROARK_CALL_SAMPLE_RATIO", "The share of calls that are sent, chosen by a hash of the id.")
    ] = 1.0
    capture_content: Annotated[
        bool, Variable("ROARK_CAPTURE_CONTENT", "`false`: no text, argument or result leaves the process.")
    ] = True
    redact_kinds: Annotated[
        Kinds, Variable("ROARK_REDACT", "What is replaced in all texts, arguments and results.")
    ] = ()
    redact_patterns: Annotated[
        Redacted,
        Variable(
            "ROARK_REDACT_PATTERNS",
            "Patterns of yours, whose matches are replaced as well; in code what `re.compile` makes, and kinds.",
        ),
    ] = ()
    properties_allow: Annotated[
        Names | None, Variable("ROARK_PROPERTIES_ALLOW", "The names of the only properties that are sent.", "all")
    ] = None
    export_traces: Annotated[
        bool,
        Variable(
            "ROARK_EXPORT_TRACES",
            "`true`: the spans of conversations are exported to Roark too; needs the extra `otlp`.",
        ),
    ] = False
    instrument: Annotated[
        Names,
        Variable(
            "ROARK_INSTRUMENT",
            "The frameworks that `configure()` and auto-instrumentation listen to, for what their spans leave out; "
            "`none`: no framework.",
            "livekit,pipecat",
        ),
    ] = ("livekit", "pipecat")
    instrumentation_spans: Annotated[
        bool,
        Variable(
            "ROARK_INSTRUMENTATION_SPANS",
            "`true`: what is heard is written as spans that the app's exporters get too, for a gateway.",
        ),
    ] = False
    payload_span_ids: Annotated[
        bool,
        Variable(
            "ROARK_PAYLOAD_SPAN_IDS",
            "`true`: each entry and tool invocation names the span that it was taken from, where that is known, as "
            "`payload.span_id`: 16 hex digits.",
        ),
    ] = False
    traces_endpoint: Annotated[
        TracesUrl | None,
        Variable("ROARK_TRACES_ENDPOINT", "Where these spans are exported to.", "`/v1/traces` of the base URL"),
    ] = None
    log_external_id: Annotated[
        Annotated[Literal["plain", "hash"], LOWER],
        Variable("ROARK_LOG_EXTERNAL_ID", "How logs name a call. `hash`: by a hash, where ids are phone numbers."),
    ] = "plain"
