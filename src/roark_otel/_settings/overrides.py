"""The settings as keyword arguments, with their types; an entry that is None or missing leaves a setting as it is.

The field of `Settings` with the same name says what each one does. Only the kill switch is not an argument.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from re import Pattern
from typing import Final

from typing_extensions import TypedDict


class SettingsOverrides(TypedDict, total=False):
    """The settings that an app may pass as arguments."""

    api_key: str | None
    api_key_file: str | PathLike[str] | None
    base_url: str | None
    project_id: str | None
    interface_type: str | None
    call_direction: str | None
    agent_name: str | None
    agent_custom_id: str | None
    recording_url_template: str | None
    recording_delay_seconds: float | None
    recording_wait_seconds: float | None
    recording_fallback_url: str | None
    spool_dir: str | PathLike[str] | None
    spool: str | None
    spool_max_bytes: int | None
    spool_max_age_seconds: float | None
    linger_seconds: float | None
    quiet_seconds: float | None
    idle_timeout_seconds: float | None
    max_conversations: int | None
    exit_timeout_seconds: float | None
    wait_at_end_seconds: float | None
    http_timeout_seconds: float | None
    external_id_keys: Sequence[str] | None
    auto_external_id: bool | None
    id_from_baggage: bool | None
    call_sample_ratio: float | None
    capture_content: bool | None
    redact_kinds: Sequence[str] | None
    redact_patterns: Sequence[str | Pattern[str]] | None
    properties_allow: Sequence[str] | None
    export_traces: bool | None
    instrument: Sequence[str] | None
    instrumentation_spans: bool | None
    payload_span_ids: bool | None
    traces_endpoint: str | None
    log_external_id: str | None


OVERRIDABLE: Final[frozenset[str]] = SettingsOverrides.__optional_keys__
"""The names of the settings that are arguments."""


def check_names(function: str, overrides: Mapping[str, object]) -> None:
    """Checks that each override is the name of a setting that is an argument.

    Args:
        function: The function that took them.
        overrides: What it took.

    Raises:
        TypeError: if it is not, as Python raises for an unknown keyword argument.
    """
    for name in overrides:
        if name not in OVERRIDABLE:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
