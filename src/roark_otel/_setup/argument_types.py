"""The types of the arguments of a processor, which a type checker does not see in every app."""

from __future__ import annotations

from roark_otel._model.dialect import Dialect
from roark_otel._model.formats import is_http_url
from roark_otel._settings.on_demand import settings_class


def check_types(
    settings: object, recording_url: object, redact: object, dialects: tuple[object, ...], accepts: object
) -> None:
    """Checks what is not a setting.

    Raises:
        ValueError: if an argument has another type; the message names it and says what it must be.
    """
    if settings is not None and not isinstance(settings, settings_class()):
        raise ValueError("roark_otel: settings: must be a roark_otel.Settings")
    if isinstance(recording_url, str) and not is_http_url(recording_url):
        raise ValueError("roark_otel: recording_url: must be an absolute http or https URL")
    if redact is not None and not callable(redact):
        raise ValueError("roark_otel: redact: must be a function, see roark_otel.types.Redactor")
    if accepts is not None and not callable(accepts):
        raise ValueError("roark_otel: accepts: must be a function, see roark_otel.types.Accepts")
    if not all(isinstance(one, Dialect) for one in dialects):
        raise ValueError("roark_otel: dialects: must be roark_otel.types.Dialect values")
