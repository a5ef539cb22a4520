"""`instrument`: listens to the frameworks that an app uses."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from roark_otel._instrumentation import livekit, pipecat
from roark_otel._instrumentation.when_imported import when_imported
from roark_otel._safety.guard import log_once
from roark_otel._safety.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

FRAMEWORKS: Final[Mapping[str, tuple[str, Callable[[ModuleType], None]]]] = {
    "livekit": (livekit.MODULE, livekit.listen),
    "pipecat": (pipecat.MODULE, pipecat.listen),
}
"""The module of each framework, and the function that listens to it once it is imported."""

_NONE: Final = "none"

_listening: set[str] = set()


def instrument(*frameworks: str) -> None:
    """Listens to voice frameworks, for what their spans leave out. Each is listened to once, however often it is named.

    It may be called before or after a framework is imported, and does nothing for one that is not installed.
    `configure()` and `opentelemetry-instrument` call it as `ROARK_INSTRUMENT` says.

    Args:
        *frameworks: `livekit`, `pipecat`. Default: both.

    Raises:
        ValueError: if there is no such framework.
    """
    if unknown := sorted(set(frameworks) - set(FRAMEWORKS)):
        raise ValueError(f"roark_otel: instrument: no framework {unknown[0]!r}: must be {' or '.join(FRAMEWORKS)}")
    listen_to(frameworks or FRAMEWORKS)


def listen_to(frameworks: Iterable[str]) -> None:
    """Listens to frameworks as `instrument` does, in any case of letters; an unknown one is logged and ignored."""
    names = list(frameworks)
    for name in unknown_in(names):
        log_once(logging.WARNING, (name,), "%s", unknown_because(name))
    for name in dict.fromkeys(map(str.lower, names)):
        if name in FRAMEWORKS and name not in _listening:
            _listening.add(name)
            when_imported(*FRAMEWORKS[name])


def unknown_in(frameworks: Iterable[str]) -> list[str]:
    """Returns what names no framework, and not `none`."""
    return [name for name in frameworks if name.lower() not in {*FRAMEWORKS, _NONE}]


def unknown_because(name: str) -> str:
    """Says what is wrong with a name."""
    known = ", ".join((*FRAMEWORKS, _NONE))
    return (
        f"ROARK_INSTRUMENT: ignoring {printable(repr(name))}, which is no framework of this version; it may be {known}"
    )
