"""What a process leaves behind when it ends, and what will become of it, in one line."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from roark_otel._engine.notices import NOT_LAST_TO_LEAVE
from roark_otel._safety.last_words import log_last
from roark_otel._spool.outlook import ATTACH, GO_OUT, Whose, outlook

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel._engine.engine import Engine


def report_what_is_left(engine: Engine, *, is_last: bool) -> None:
    """Logs how many calls Roark does not have yet at the exit, where they are, and what becomes of them.

    `is_last`: whether no other process uses the directory, which would deliver what is in it.
    """
    spool = engine.parts.spool
    spool.recount()
    found, kept = spool.counts(), spool.in_memory()
    unfinished = engine.parts.assembler.count_unfinished()
    lost = kept.sendable + kept.awaiting_recording + unfinished
    to_send, unrecorded = found.sendable - kept.sendable, found.awaiting_recording - kept.awaiting_recording
    if lost:
        log_last(
            logging.ERROR,
            "the process ends and calls are lost (%d), because they are in memory only: %d that Roark has not taken "
            "yet, %d without a recording URL, %d that no disk took in time. ROARK_EXIT_TIMEOUT_SECONDS gives more "
            "time, and a spool on disk keeps them.",
            lost,
            kept.sendable,
            kept.awaiting_recording,
            unfinished,
        )
    if spool.directory is not None and (to_send or unrecorded):
        log_last(
            logging.ERROR if is_last else logging.INFO,
            "the process ends and leaves calls in %s: %d that Roark has not taken yet, %d without a recording URL. %s",
            spool.directory,
            to_send,
            unrecorded,
            _what_happens(engine, spool.directory, to_send, unrecorded) if is_last else NOT_LAST_TO_LEAVE,
        )


def _what_happens(engine: Engine, directory: Path, to_send: int, unrecorded: int) -> str:
    said: list[str] = []
    if to_send:
        will = outlook(directory, engine.parts.courier.key.known, Whose.OWN, engine.settings.address)
        if will.cure == GO_OUT:
            said.append("The next process with this spool, or `roark-otel spool drain`, delivers them.")
        else:
            said.append(f"{will.why[0].upper()}{will.why[1:]}: {will.cure}.")
    if unrecorded:
        said.append(f"Without a recording none is sent: {ATTACH}.")
    return " ".join([*said, "A directory that dies with the pod loses them."])
