"""Takes what is good of settings that an instrumentor is given: in a config file a mistake must cost itself alone."""

from __future__ import annotations

import difflib
import logging
from typing import TYPE_CHECKING, Any, cast

from roark_otel._safety.guard import log_once
from roark_otel._settings.closing import CLOSED
from roark_otel._settings.overrides import OVERRIDABLE, SettingsOverrides

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roark_otel._settings.settings import Settings

_BOTH_KEYS = {"api_key": None, "api_key_file": None}


def with_valid(settings: Settings, arguments: Mapping[str, Any]) -> Settings:
    """Returns settings with these arguments. An invalid one is logged, and left out unless it closes.

    Args:
        settings: What holds where there is no argument, such as those of the environment.
        arguments: Settings by name.
    """
    known = {name: value for name, value in arguments.items() if name in OVERRIDABLE}
    try:
        return settings.with_arguments(**cast("SettingsOverrides", known))
    except ValueError:
        return _without_invalid(settings, known)


def _without_invalid(settings: Settings, arguments: Mapping[str, Any]) -> Settings:
    closed: dict[str, object] = {}
    for name, value in arguments.items():
        try:
            settings = settings.with_arguments(**cast("SettingsOverrides", {name: value}))
        except ValueError as fault:
            if name in CLOSED:
                closed |= _BOTH_KEYS if name in _BOTH_KEYS else {}
                closed |= {of: to for of, to in CLOSED[name].values.items() if to is not None}
                log_once(logging.ERROR, (name,), "%s; %s until it is corrected", fault, CLOSED[name].meaning)
            else:
                log_once(logging.WARNING, (name,), "%s; ignoring it", fault)
    return type(settings).model_validate({**dict(settings), **closed})


def warn_of_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    """Warns of each name that is not a setting, with the nearest; at ERROR if that one would have kept something back.

    Args:
        names: The names.
        known: The names of settings, and of what else may be given.
    """
    for name in names:
        near = next(iter(difflib.get_close_matches(str(name), list(known), 1, 0.5)), None)
        nearest = "docs/settings.md lists all" if near is None else f"nearest: {near}"
        level = logging.ERROR if near in CLOSED else logging.WARNING
        log_once(level, (name,), "%s is not a setting of this version and has no effect; %s", name, nearest)
