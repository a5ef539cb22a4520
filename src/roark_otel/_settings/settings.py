"""Settings: one frozen value, from arguments, environment and defaults, in this order."""

import os
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from re import Pattern
from typing import Final, cast
from urllib.parse import urlsplit

from pydantic import ValidationError
from typing_extensions import Self, Unpack

from roark_otel._linking.defaults import Defaults
from roark_otel._model.formats import snake_case
from roark_otel._model.hosts import is_loopback
from roark_otel._model.moments import Agent
from roark_otel._privacy.patterns import Kind
from roark_otel._settings.api_key import read_key
from roark_otel._settings.environment import in_one_line, values_in, warn_of_unknown, without_invalid
from roark_otel._settings.fields import Fields
from roark_otel._settings.overrides import SettingsOverrides
from roark_otel._settings.unusable import Unusable
from roark_otel._settings.variable import variables_of


class Settings(Fields):
    """The settings of a processor. Each field says its environment variable and what it does.

    Raises:
        ValueError: if a value is invalid; the message says which one and what to set.
    """

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads the settings of an environment; an invalid value is logged, and is its default unless it closes."""
        values = values_in(environ, VARIABLES)
        warn_of_unknown(environ, VARIABLES)
        try:
            return cls.model_validate(values)
        except ValidationError as fault:
            return cls.model_validate(without_invalid(values, fault, environ, cls.model_fields))

    def with_arguments(self, **overrides: Unpack[SettingsOverrides]) -> Self:
        """Returns these settings with every override that is not None in its place.

        Raises:
            ValueError: if an override is invalid or is not a setting; one line that says what to set.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        file = given.get("api_key_file", None if self.api_key else self.api_key_file)
        if isinstance(file, (str, PathLike)) and "api_key" not in given:
            try:
                given["api_key"] = read_key(Path(cast("str", file)))
            except ValueError as fault:
                raise ValueError(f"roark_otel: api_key_file: {fault}") from None
        try:
            return type(self).model_validate({**dict(self), **given})
        except ValidationError as fault:
            raise ValueError(in_one_line(fault, type(self).model_fields)) from None

    @property
    def address(self) -> str:
        """Where calls are sent; empty if the environment names a base URL or a project that cannot be used."""
        return "" if isinstance(self.project_id, Unusable) else self.base_url

    @property
    def is_local(self) -> bool:
        """Whether calls and traces go to a loopback host, or nowhere."""
        urls = (self.address, *([self.traces_endpoint] if self.export_traces and self.traces_endpoint else ()))
        return all(not url or is_loopback(urlsplit(url).hostname or "") for url in urls)

    @property
    def replaced(self) -> tuple[Kind | Pattern[str], ...]:
        """What is replaced in every text: kinds, and patterns of the app's own."""
        return (*self.redact_kinds, *self.redact_patterns)

    def defaults(self, recording_url: str | None = None) -> Defaults:
        """Returns the settings that linking needs.

        Args:
            recording_url: The recording of every call whose spans name none.
        """
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
            names_spans=self.payload_span_ids,
            names_heard_spans=self.payload_span_ids and self.instrumentation_spans,
        )


VARIABLES: Final[Mapping[str, str]] = variables_of(Settings.model_fields)
"""Every environment variable and its setting."""
