"""Settings as doctor reads them: what reading them logs becomes findings, and what is secret is not shown."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from roark_otel._model.formats import without_user
from roark_otel._settings.settings import Settings
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

_HIDDEN: Final = frozenset({"api_key", "redact_patterns"})
"""Settings whose value is never shown."""


class _Listening(logging.Handler):
    """Keeps the warnings that are logged while settings are read."""

    def __init__(self, about: str) -> None:
        super().__init__(logging.WARNING)
        self._about = about
        self.findings: list[Finding] = []

    def emit(self, record: logging.LogRecord) -> None:
        kind = Wrong if record.levelno >= logging.ERROR else Warned
        self.findings.append(kind(self._about, record.getMessage(), "see docs/settings.md, which lists every setting"))


@contextmanager
def heard(about: str, name: str = "roark_otel") -> Generator[list[Finding]]:
    """Yields a list that gets what a logger says meanwhile, which goes nowhere else: an error is wrong.

    Args:
        about: What the findings are about.
        name: The name of the logger.
    """
    logger, listening = logging.getLogger(name), _Listening(about)
    propagate = logger.propagate
    logger.addHandler(listening)
    logger.propagate = False
    try:
        yield listening.findings
    finally:
        logger.removeHandler(listening)
        logger.propagate = propagate


def read_settings(environ: Mapping[str, str]) -> tuple[Settings, list[Finding]]:
    """Returns the settings of an environment, and what reading them logs."""
    with heard("environment") as findings:
        settings = Settings.from_env(environ)
    return settings, findings


def show_setting(setting: str, value: object, about: str) -> Finding:
    """Returns a setting without what may be secret in it: a key, and in URLs a password or a signature."""
    text = ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
    return Fine(about, "set, not shown" if setting in _HIDDEN else re.sub(r"\?[^\s]*", "?…", without_user(text)))
