"""What a process leaves behind when it ends, and what will become of it, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._safety.last_words import log_last
from roark_otel._spool.outlook import ATTACH, GO_OUT, Whose, outlook

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel._engine.engine import Engine


def report_what_is_left(engine: Engine) -> None:
    """Logs how many calls Roark does not have yet at the exit, where they are, and what becomes of them."""
    spool = engine.parts.spool
    found, kept = spool.counts(), spool.in_memory()
    lost = kept.sendable + kept.awaiting_recording
    to_send, unrecorded = found.sendable - kept.sendable, found.awaiting_recording - kept.awaiting_recording
    if lost:
        log_last(
            "the process ends and %d calls are lost, because they are in memory only: %d that Roark has not taken yet, "
            "%d without a recording URL. ROARK_EXIT_TIMEOUT_SECONDS gives them more time; a spool on disk keeps them.",
            lost,
            kept.sendable,
            kept.awaiting_recording,
        )
    if spool.directory is not None and (to_send or unrecorded):
        log_last(
            "the process ends and leaves calls in %s: %d that Roark has not taken yet, %d without a recording URL. "
            "%s A directory that dies with the pod loses them.",
            spool.directory,
            to_send,
            unrecorded,
            _what_happens(engine, spool.directory, to_send, unrecorded),
        )


def _what_happens(engine: Engine, directory: Path, to_send: int, unrecorded: int) -> str:
    said: list[str] = []
    if to_send:
        will = outlook(directory, engine.parts.courier.key.known, Whose.OWN, engine.settings.base_url)
        if will.cure == GO_OUT:
            said.append("The next process with this spool, or `roark-otel spool drain`, delivers them.")
        else:
            said.append(f"{will.why[0].upper()}{will.why[1:]}: {will.cure}.")
    if unrecorded:
        said.append(f"Without a recording none is sent: {ATTACH}.")
    return " ".join(said)
