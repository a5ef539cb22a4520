"""Settings: one frozen value, from arguments, environment and defaults, in this order."""

from __future__ import annotations

import difflib
import ipaddress
import logging
import os
import re
import sys
import tempfile
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from roark_otel._linking.defaults import Defaults
from roark_otel._linking.recording_template import Template
from roark_otel._model.formats import is_http_url, snake_case
from roark_otel._model.moments import Agent
from roark_otel._privacy.patterns import Kind
from roark_otel._safety.guard import log_once
from roark_otel._settings import environment
from roark_otel._settings.api_key import is_header, read_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

DEFAULT_BASE_URL = "https://api.roark.ai"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _base_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("must be an absolute https URL") from None
    loopback = _is_loopback(parts.hostname or "")
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ValueError("must be an absolute https URL")
    if parts.scheme == "http" and not loopback:
        raise ValueError("must be https, because the key travels with every request; plain http only to loopback")
    return value.rstrip("/")


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _http_url(value: str) -> str:
    if not is_http_url(value):
        raise ValueError("must be an absolute http or https URL")
    return value


def _names(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _key(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if not is_header(secret):
        raise ValueError("must be printable ASCII without blanks")
    return value


def _project_id(value: str) -> str:
    if not is_header(value):
        raise ValueError("must be printable ASCII without blanks")
    return value


def default_spool_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's own state directory, as the platform has it; without a home, a directory of the user's in /tmp."""
    if sys.platform == "win32" and environ.get("LOCALAPPDATA"):
        return Path(environ["LOCALAPPDATA"]) / "roark-otel" / "spool"
    if state := environ.get("XDG_STATE_HOME"):
        return Path(state) / "roark-otel" / "spool"
    try:
        home = Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"roark-otel-{os.getuid()}" / "spool"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "roark-otel" / "spool"
    return home / ".local" / "state" / "roark-otel" / "spool"


Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Settings(BaseModel):
    """How the processor works. Every field has an environment variable, see `roark_otel._settings.environment`.

    Raises:
        ValueError: if a value cannot be right; the message says which one and what to set.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    api_key: Annotated[SecretStr, AfterValidator(_key)] | None = None
    api_key_file: Path | None = None
    base_url: Annotated[str, AfterValidator(_base_url)] = DEFAULT_BASE_URL
    project_id: Annotated[str, AfterValidator(_project_id)] | None = None
    enabled: bool = True
    interface_type: Annotated[Literal["PHONE", "WEB"], BeforeValidator(_upper)] | None = None
    call_direction: Annotated[Literal["INBOUND", "OUTBOUND"], BeforeValidator(_upper)] | None = None
    agent_name: str | None = None
    agent_custom_id: str | None = None
    recording_url_template: (
        Annotated[Template, BeforeValidator(lambda v: Template(v) if isinstance(v, str) else v)] | None
    ) = None
    recording_delay_seconds: Seconds = 0.0
    recording_wait_seconds: Seconds = 86_400.0
    recording_fallback_url: Annotated[str, AfterValidator(_http_url)] | None = None
    spool_dir: Path = Field(default_factory=default_spool_dir)
    spool: Annotated[Literal["disk", "memory"], BeforeValidator(_lower)] = "disk"
    spool_max_bytes: Annotated[int, Field(ge=1)] = 1024**3
    spool_max_age_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 604_800.0
    linger_seconds: Seconds = 2.0
    quiet_seconds: Seconds = 60.0
    idle_timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 14_400.0
    max_conversations: Annotated[int, Field(ge=1)] = 10_000
    exit_timeout_seconds: Seconds = 5.0
    http_timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    external_id_keys: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    auto_external_id: bool = False
    call_sample_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    capture_content: bool = True
    redact_patterns: Annotated[tuple[Kind | re.Pattern[str], ...], BeforeValidator(_names)] = ()
    properties_allow: Annotated[tuple[str, ...], BeforeValidator(_names)] | None = None
    export_traces: bool = False
    traces_endpoint: Annotated[str, AfterValidator(_base_url)] | None = None
    log_external_id: Annotated[Literal["plain", "hash"], BeforeValidator(_lower)] = "plain"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The settings of an environment: a bad value is told once and is the default instead."""
        values = {
            field: environ[name].strip() for name, field in environment.FIELDS.items() if environ.get(name, "").strip()
        }
        if "api_key_file" in values and "api_key" not in values:
            values |= _key_of_file(values.pop("api_key_file"))
        switch = environ.get(environment.GENAI_CAPTURE_CONTENT, "").strip().lower()
        if switch in {"false", "no_content"}:
            values["capture_content"] = "false"
        _warn_of_unknown(environ)
        try:
            return cls.model_validate(values)
        except ValidationError as fault:
            return cls.model_validate(_without_faulty(values, fault, environ))

    def defaults(self, recording_url: str | None = None) -> Defaults:
        """What of these settings linking goes by; `recording_url` is that of every call whose spans name none."""
        allow = self.properties_allow
        return Defaults(
            interface_type=self.interface_type,
            call_direction=self.call_direction,
            agent=Agent(name=self.agent_name, custom_id=self.agent_custom_id),
            recording_url=recording_url,
            recording_template=self.recording_url_template,
            with_content=self.capture_content,
            sample_ratio=self.call_sample_ratio,
            properties_allow=None if allow is None else frozenset(map(snake_case, allow)),
        )

    def with_arguments(self, **arguments: object) -> Self:
        """These settings with every argument that is not None in their place.

        Raises:
            ValueError: in one line that says what to set.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        file = given.get("api_key_file", None if self.api_key else self.api_key_file)
        if isinstance(file, (str, PathLike)) and "api_key" not in given:
            try:
                given["api_key"] = read_key(Path(cast("str", file)))
            except ValueError as fault:
                raise ValueError(f"roark_otel: api_key_file: {fault}") from None
        try:
            return type(self).model_validate({**dict(self), **given})
        except ValidationError as fault:
            raise ValueError(_in_one_line(fault)) from None


_PRIVATE: dict[str, tuple[str, str]] = {
    "capture_content": ("false", "content stays off"),
    "redact_patterns": ("card,phone,email", "all that is known is redacted"),
    "log_external_id": ("hash", "logs show a hash"),
}
"""What holds for a privacy switch that cannot be read, and how that is said."""


def _in_one_line(fault: ValidationError) -> str:
    problems = (f"{'.'.join(str(part) for part in one['loc'][:1])}: {_reason(one['msg'])}" for one in fault.errors())
    return "roark_otel: " + "; ".join(problems)


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")


def _key_of_file(path: str) -> dict[str, str]:
    """The settings that a key file gives; none where no key can be read from it, which is told."""
    try:
        return {"api_key_file": path, "api_key": read_key(Path(path)).get_secret_value()}
    except ValueError as fault:
        name = environment.ROARK_API_KEY_FILE
        log_once(logging.WARNING, (name,), "%s: %s; the default holds", name, str(fault))
        return {}


def _without_faulty(values: Mapping[str, str], fault: ValidationError, environ: Mapping[str, str]) -> dict[str, str]:
    good = dict(values)
    for one in fault.errors():
        field = str(one["loc"][0])
        # Of two variables for one setting the later one gave the value.
        name = [name for name, of in environment.FIELDS.items() if of == field and environ.get(name, "").strip()][-1]
        good.pop(field, None)
        # A privacy switch that nobody can read falls to the private side.
        private, instead = _PRIVATE.get(field, (None, "the default holds"))
        if private is not None:
            good[field] = private
        log_once(logging.WARNING, (name,), "%s: %s; %s", name, _reason(one["msg"]), instead)
    return good


def _warn_of_unknown(environ: Mapping[str, str]) -> None:
    for name in environ:
        if not name.startswith("ROARK_") or name in environment.FIELDS:
            continue
        for near in difflib.get_close_matches(name, environment.FIELDS, 1, 0.5):
            log_once(logging.WARNING, (name,), "%s is not a setting of this version; nearest: %s", name, near)
