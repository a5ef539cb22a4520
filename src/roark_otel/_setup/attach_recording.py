"""Attaching a recording to a call from anywhere: this process, another one, before or after the call has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from roark_otel._engine import registry
from roark_otel._model.formats import MAX_EXTERNAL_ID, is_external_id, is_http_url
from roark_otel._settings.on_demand import settings_class
from roark_otel._spool.attachments import attach_below

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Attached:
    """Calls that waited have the recording now. `calls`: how many."""

    calls: int


@dataclass(frozen=True, slots=True)
class Kept:
    """No call of this id waits: the URL is kept for one that comes within a week."""


def attach_recording(external_id: str, url: str) -> Attached | Kept:
    """Gives a call its recording. Needs no key: it works on the spool, which processes of one machine may share.

    Calls of this id that wait for a recording, or were set aside for the lack of one, are sent with it. If there are
    none yet, the URL is kept for one that comes within a week. A call that has been sent cannot get another recording.

    Args:
        external_id: The id of the call, exactly as `roark.external_id` has it: 1 to 255 characters, not only blanks.
        url: The recording's URL, http or https.

    Raises:
        ValueError: if no call can have this id, or the URL is not an absolute http or https URL.
        OSError: if the spool cannot be written, and this process has no processor that could keep the URL in memory.
    """
    _check(external_id, url)
    engines, calls, fault = registry.engines(), 0, None
    # Files first: a courier that scans the directory because of `engine.attach` finds them there.
    for root in _roots():
        try:
            calls += attach_below(root, external_id, url)
        except OSError as found:
            fault = found
    if fault is not None and not engines:
        raise fault
    calls += sum(engine.attach(external_id, url, is_kept=fault is None) for engine in engines)
    return Attached(calls) if calls else Kept()


async def attach_recording_async(external_id: str, url: str) -> Attached | Kept:
    """Does the same as `attach_recording` without blocking the event loop."""
    import asyncio  # an app that has an event loop has imported it

    return await asyncio.to_thread(attach_recording, external_id, url)


def attach_to(root: Path, external_id: str, url: str) -> int:
    """Does the same for the files below this root of a spool, and returns to how many calls.

    Raises:
        ValueError: as `attach_recording`.
        OSError: as `attach_recording`.
    """
    _check(external_id, url)
    return attach_below(root, external_id, url)


def _check(external_id: object, url: object) -> None:
    if not is_external_id(external_id):
        raise ValueError(
            f"roark_otel: external_id: must be text of 1 to {MAX_EXTERNAL_ID} characters, not only blanks: "
            "pass the call's roark.external_id"
        )
    if not isinstance(url, str) or not is_http_url(url):
        raise ValueError(
            "roark_otel: url: must be an absolute http or https URL: "
            "pass the recording's address, such as https://example.com/call-123.wav"
        )


def _roots() -> set[Path]:
    """Returns the spools of this process's processors; if it has none, that of the environment."""
    known = [engine.settings for engine in registry.engines()] or [settings_class().from_env()]
    return {settings.spool_dir for settings in known if settings.spool == "disk"}
