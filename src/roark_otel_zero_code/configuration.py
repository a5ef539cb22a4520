"""The settings in a config file of OpenTelemetry (`OTEL_CONFIG_FILE`), by the names that they have in code.

`opentelemetry-configuration` makes a value of this class from the block `roark` of its file, below
`instrumentation/development` and `python`, and passes its fields to the instrumentor. What they mean, and whether they
are good, the settings know: this module is loaded in every process, and imports none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(init=False)
class RoarkConfiguration:
    """The block `roark` of a config file; a field that is None leaves a setting to its variable.

    Attributes:
        recording_url: The recording of every call whose spans name none.
        unknown: What the block has besides, by name: it is reported, and costs nothing else.
    """

    recording_url: str | None = None
    api_key: str | None = None
    api_key_file: str | None = None
    base_url: str | None = None
    project_id: str | None = None
    interface_type: str | None = None
    call_direction: str | None = None
    agent_name: str | None = None
    agent_custom_id: str | None = None
    recording_url_template: str | None = None
    recording_delay_seconds: float | None = None
    recording_wait_seconds: float | None = None
    recording_fallback_url: str | None = None
    spool_dir: str | None = None
    spool: str | None = None
    spool_max_bytes: int | None = None
    spool_max_age_seconds: float | None = None
    linger_seconds: float | None = None
    quiet_seconds: float | None = None
    idle_timeout_seconds: float | None = None
    max_conversations: int | None = None
    exit_timeout_seconds: float | None = None
    wait_at_end_seconds: float | None = None
    http_timeout_seconds: float | None = None
    external_id_keys: list[str] | str | None = None
    auto_external_id: bool | None = None
    id_from_baggage: bool | None = None
    call_sample_ratio: float | None = None
    capture_content: bool | None = None
    redact_kinds: list[str] | str | None = None
    redact_patterns: list[str] | str | None = None
    properties_allow: list[str] | str | None = None
    export_traces: bool | None = None
    instrument: list[str] | str | None = None
    instrumentation_spans: bool | None = None
    payload_span_ids: bool | None = None
    traces_endpoint: str | None = None
    log_external_id: str | None = None
    unknown: dict[str, object] | None = None

    def __init__(self, **options: object) -> None:
        known = {field.name for field in fields(self)} - {"unknown"}
        for name in known:
            setattr(self, name, options.pop(name, None))
        if isinstance(self.redact_patterns, list):  # one a line, as the variable has them: a file has no compiled ones
            self.redact_patterns = "\n".join(map(str, self.redact_patterns))
        self.unknown = options or None
