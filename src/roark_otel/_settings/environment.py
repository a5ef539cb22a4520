"""The environment variables, with what each one means. An empty value is unset."""

from typing import Final

ROARK_API_KEY: Final = "ROARK_API_KEY"
"""The key of the Roark project. Without one the processor does nothing but say so once."""

ROARK_API_BEARER_TOKEN: Final = "ROARK_API_BEARER_TOKEN"  # noqa: S105 - a name, not a secret
"""The key under the name that Roark's SDK uses; `ROARK_API_KEY` wins."""

ROARK_API_KEY_FILE: Final = "ROARK_API_KEY_FILE"
"""A file that holds the key, where no variable does. It is read again after Roark refused the key."""

ROARK_BASE_URL: Final = "ROARK_BASE_URL"
"""Where Roark is. Plain http only to a loopback host. Default: `https://api.roark.ai`."""

ROARK_PROJECT_ID: Final = "ROARK_PROJECT_ID"
"""The project, for a key that belongs to a user and not to a project."""

ROARK_OBSERVABILITY_ENABLED: Final = "ROARK_OBSERVABILITY_ENABLED"
"""The kill switch: `false`, `0`, `no` or `off`. Default: true."""

ROARK_INTERFACE_TYPE: Final = "ROARK_INTERFACE_TYPE"
"""PHONE or WEB where spans do not say. Default: PHONE if a phone number is known, else WEB."""

ROARK_CALL_DIRECTION: Final = "ROARK_CALL_DIRECTION"
"""INBOUND or OUTBOUND where spans do not say. Default: INBOUND."""

ROARK_AGENT_NAME: Final = "ROARK_AGENT_NAME"
"""The agent's name where spans do not say."""

ROARK_AGENT_CUSTOM_ID: Final = "ROARK_AGENT_CUSTOM_ID"
"""Your id of the agent where spans do not say."""

ROARK_RECORDING_URL_TEMPLATE: Final = "ROARK_RECORDING_URL_TEMPLATE"
"""Where recordings are: `{external_id} {trace_id} {livekit_room_id} {livekit_room_name} {service_name}
{started_at:%Y/%m/%d} {property.NAME}`, each URL-quoted."""

ROARK_RECORDING_DELAY_SECONDS: Final = "ROARK_RECORDING_DELAY_SECONDS"
"""How long after the end of a call the template's URL is good: uploads take time. Default: 0."""

ROARK_RECORDING_WAIT_SECONDS: Final = "ROARK_RECORDING_WAIT_SECONDS"
"""How long a call waits for its recording. Default: 86400."""

ROARK_RECORDING_FALLBACK_URL: Final = "ROARK_RECORDING_FALLBACK_URL"
"""The recording that is sent when the wait is over; `properties.roark_recording` is then `fallback`."""

ROARK_SPOOL_DIR: Final = "ROARK_SPOOL_DIR"
"""Where finished calls wait. Default: a directory of the user's own state."""

ROARK_SPOOL: Final = "ROARK_SPOOL"
"""`disk`, or `memory`: nothing is written, and calls that wait are lost with the process. Default: disk."""

ROARK_SPOOL_MAX_BYTES: Final = "ROARK_SPOOL_MAX_BYTES"
"""How many bytes of calls may wait on disk; beyond it new ones are kept in memory, said loudly. Default: 1 GiB."""

ROARK_SPOOL_MAX_AGE_SECONDS: Final = "ROARK_SPOOL_MAX_AGE_SECONDS"
"""How old a call may grow in the spool before it is set aside in `rejected/`. Default: 7 days."""

ROARK_LINGER_SECONDS: Final = "ROARK_LINGER_SECONDS"
"""How long after the root's end late spans still count. Default: 2."""

ROARK_QUIET_SECONDS: Final = "ROARK_QUIET_SECONDS"
"""How long a call whose root is only implied rests, for a further root of the same id to join it. Default: 60."""

ROARK_IDLE_TIMEOUT_SECONDS: Final = "ROARK_IDLE_TIMEOUT_SECONDS"
"""After how long without a span a conversation is delivered as incomplete. Default: 14400."""

ROARK_MAX_CONVERSATIONS: Final = "ROARK_MAX_CONVERSATIONS"
"""How many conversations may be open; beyond it the one idle longest is delivered early. Default: 10000."""

ROARK_EXIT_TIMEOUT_SECONDS: Final = "ROARK_EXIT_TIMEOUT_SECONDS"
"""How long `shutdown()` may take. Keep it under the pod's grace period. Default: 5."""

ROARK_HTTP_TIMEOUT_SECONDS: Final = "ROARK_HTTP_TIMEOUT_SECONDS"
"""How long one request may take. Default: 10."""

ROARK_EXTERNAL_ID_KEYS: Final = "ROARK_EXTERNAL_ID_KEYS"
"""Further attribute names to take the external id from, in order, comma-separated."""

ROARK_AUTO_EXTERNAL_ID: Final = "ROARK_AUTO_EXTERNAL_ID"
"""true: a voice framework's conversation without an id gets one: Pipecat's conversation id, LiveKit's room SID with the
root's span id, else the trace id. Default: false; true under `opentelemetry-instrument`."""

ROARK_CALL_SAMPLE_RATIO: Final = "ROARK_CALL_SAMPLE_RATIO"
"""The share of calls that are sent, from 0 to 1, chosen by a hash of the id. Default: 1."""

ROARK_CAPTURE_CONTENT: Final = "ROARK_CAPTURE_CONTENT"
"""false: no text, argument or result leaves the process. Default: true."""

ROARK_REDACT: Final = "ROARK_REDACT"
"""What is replaced in every text, argument and result: `card`, `phone`, `email`, comma-separated. Default: nothing."""

ROARK_PROPERTIES_ALLOW: Final = "ROARK_PROPERTIES_ALLOW"
"""The names of the only properties that may be sent, comma-separated. Default: all."""

ROARK_EXPORT_TRACES: Final = "ROARK_EXPORT_TRACES"
"""true: the spans of conversations go to Roark too, with the stock OTLP exporter. Default: false."""

ROARK_TRACES_ENDPOINT: Final = "ROARK_TRACES_ENDPOINT"
"""Where they go. Default: `/v1/traces` of the base URL."""

ROARK_LOG_EXTERNAL_ID: Final = "ROARK_LOG_EXTERNAL_ID"
"""How logs name a call: `plain`, or `hash` where ids are phone numbers. Default: plain."""

GENAI_CAPTURE_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""OpenTelemetry's switch for content: `false` or `NO_CONTENT` turns ours off too."""

FIELDS: dict[str, str] = {
    ROARK_API_BEARER_TOKEN: "api_key",
    ROARK_API_KEY: "api_key",
    ROARK_API_KEY_FILE: "api_key_file",
    ROARK_BASE_URL: "base_url",
    ROARK_PROJECT_ID: "project_id",
    ROARK_OBSERVABILITY_ENABLED: "enabled",
    ROARK_INTERFACE_TYPE: "interface_type",
    ROARK_CALL_DIRECTION: "call_direction",
    ROARK_AGENT_NAME: "agent_name",
    ROARK_AGENT_CUSTOM_ID: "agent_custom_id",
    ROARK_RECORDING_URL_TEMPLATE: "recording_url_template",
    ROARK_RECORDING_DELAY_SECONDS: "recording_delay_seconds",
    ROARK_RECORDING_WAIT_SECONDS: "recording_wait_seconds",
    ROARK_RECORDING_FALLBACK_URL: "recording_fallback_url",
    ROARK_SPOOL_DIR: "spool_dir",
    ROARK_SPOOL: "spool",
    ROARK_SPOOL_MAX_BYTES: "spool_max_bytes",
    ROARK_SPOOL_MAX_AGE_SECONDS: "spool_max_age_seconds",
    ROARK_LINGER_SECONDS: "linger_seconds",
    ROARK_QUIET_SECONDS: "quiet_seconds",
    ROARK_IDLE_TIMEOUT_SECONDS: "idle_timeout_seconds",
    ROARK_MAX_CONVERSATIONS: "max_conversations",
    ROARK_EXIT_TIMEOUT_SECONDS: "exit_timeout_seconds",
    ROARK_HTTP_TIMEOUT_SECONDS: "http_timeout_seconds",
    ROARK_EXTERNAL_ID_KEYS: "external_id_keys",
    ROARK_AUTO_EXTERNAL_ID: "auto_external_id",
    ROARK_CALL_SAMPLE_RATIO: "call_sample_ratio",
    ROARK_CAPTURE_CONTENT: "capture_content",
    ROARK_REDACT: "redact_patterns",
    ROARK_PROPERTIES_ALLOW: "properties_allow",
    ROARK_EXPORT_TRACES: "export_traces",
    ROARK_TRACES_ENDPOINT: "traces_endpoint",
    ROARK_LOG_EXTERNAL_ID: "log_external_id",
}
"""Each variable and the setting that it gives; of two variables for one setting the later one wins."""
