"""Whose calls this process sends: notes whether Roark accepts its key, and takes over what a wrong key has left."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._model.receipts import Delivered, Receipt, Refused, Rejected, TryAgain
from roark_otel._safety.guard import guarded, log_once
from roark_otel._spool import records, taking_over
from roark_otel._spool.faults import log_fault
from roark_otel._spool.records import Acceptance, Record
from roark_otel._spool.unaddressed import TakenOver, take_over_unaddressed

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel._model.clock import Clock
    from roark_otel._spool.spool import Spool

NOTE_SECONDS = 60.0
"""How often an answer that changes nothing about the key is written down."""

NO_CREDITS = 402
"""Roark knows the key that it answers this to."""


class OwnKey:
    """The key of this process, as the records of the spool know it. All methods are for the courier's thread.

    Args:
        spool: Where its calls are; None for none.
        address: The base URL.
        clock: Supplies the time.
        unaddressed: Where calls of the same key wait that had no usable address; None for nowhere.
    """

    def __init__(self, spool: Spool | None, address: str, clock: Clock = time, unaddressed: Path | None = None) -> None:
        self._unaddressed = unaddressed
        self._spool = spool
        self._directory = None if spool is None else spool.directory
        self._address = address
        self._clock = clock
        self._known: Record | None = None
        self._has_news = False
        self._has_begun = False
        self._unwritten: tuple[Receipt, str] | None = None
        self._write_at = float("-inf")

    @property
    def known(self) -> Record:
        """What this process knows of its key. Any thread may ask."""
        return self._known or Record()

    def take_news(self) -> bool:
        """Returns whether the key has been accepted for more services since the last time."""
        has_news, self._has_news = self._has_news, False
        return has_news

    @guarded(None)
    def begin(self) -> None:
        """Notes that Roark has never accepted the key, if this process has just made the directory of its calls."""
        if self._spool is not None and self._directory is not None and self._spool.is_new and not self._has_begun:
            self._has_begun = True
            records.begin(self._directory)

    @guarded(None)
    def note(self, receipt: Receipt, service: str) -> None:
        """Notes what an answer to a call of this service says about the key."""
        if self._directory is None:
            return
        self.begin()
        known = self._known or records.read(self._directory)
        self._known = now = replace(_after(known, receipt, service), address=self._address)
        if _about_the_key(now) != _about_the_key(known):
            self._write(self._directory, receipt, service)
        elif now.answer != known.answer:
            self._unwritten = receipt, service

    @guarded(None)
    def write_down(self) -> None:
        """Writes the last answer down, now and then: it says nothing new about the key."""
        if self._unwritten is not None and self._directory is not None and self._clock.monotonic() >= self._write_at:
            self._write(self._directory, *self._unwritten)

    def _write(self, directory: Path, receipt: Receipt, service: str) -> None:
        # Another process may have written more since.
        latest = _after(records.read(directory), receipt, service)
        self._has_news |= isinstance(receipt, Delivered)
        self._known = replace(latest, address=self._address, answered_at=self._clock.time())
        self._unwritten, self._write_at = None, self._clock.monotonic() + NOTE_SECONDS
        records.write(directory, self._known)

    @guarded(0)
    def take_over(self) -> int:
        """Takes over calls of keys that Roark has never accepted, if none but this one delivers their service.

        Returns:
            How many calls.
        """
        if self._directory is None:
            return 0
        own = self._known = self._known or records.read(self._directory)
        if own.address != self._address or own.is_refused or not own.services:
            return 0
        others = records.others(self._directory.parent, self._directory)
        taken = 0
        for directory, record in others.items():
            if not record.is_orphaned or record.address != self._address:
                continue
            services = {name for name in own.services if not _is_served(others, self._address, name)}
            if services and (count := taking_over.take_over_calls(self._directory, directory, services)):
                taken += count
                log_once(
                    logging.WARNING,
                    (str(directory),),
                    "calls in %s (%d) are sent with this key: Roark answered %s to theirs, which it has never "
                    "accepted, and no other key of this spool delivers calls of the same service.name",
                    directory,
                    count,
                    record.answer,
                )
        return taken

    @guarded(TakenOver())
    def take_over_unaddressed(self) -> TakenOver:
        """Takes over calls of this key that had no usable address. Any thread may do so."""
        if self._directory is None or self._unaddressed is None:
            return TakenOver()
        try:
            taken = take_over_unaddressed(self._directory, self._unaddressed)
        except OSError as fault:
            log_fault(str(self._unaddressed), fault, "calls that wait there without an address are not delivered")
            return TakenOver()
        if taken.calls:
            message = "calls that waited without a usable address are sent to %s: %d"
            log_once(logging.INFO, (taken.calls,), message, self._address, taken.calls)
        return taken


def _about_the_key(record: Record) -> tuple[object, ...]:
    return record.acceptance, record.services, record.is_refused


def _is_served(others: dict[Path, Record], address: str, service: str) -> bool:
    return any(record.has_delivered(address, service) for record in others.values())


def _after(known: Record, receipt: Receipt, service: str) -> Record:
    """Returns what is known of a key after an answer to one of its calls."""
    match receipt:
        case Delivered():
            return replace(known.accepted(service), answer="201")
        case Rejected(status):
            return known if status == 0 else replace(known.accepted(None), answer=str(status))
        case Refused(status):
            accepted = known.accepted(None) if status == NO_CREDITS else known
            return replace(accepted, answer=str(status))
        case TryAgain(_, why):
            # A key that was refused is refused until Roark says otherwise.
            keeps = known.is_refused and known.acceptance is not Acceptance.ONCE
            return known if keeps else replace(known, answer=why)
    assert_never(receipt)
