"""Whose calls wait in a spool, and what becomes of them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from roark_otel._engine.parts import spool_directory
from roark_otel._spool import records
from roark_otel._spool.listing import cut_off, directories, measure
from roark_otel._spool.outlook import ATTACH, Outlook, Whose, of_cut_off, outlook
from roark_otel._spool.records import Acceptance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic import SecretStr

    from roark_otel._settings.settings import Settings
    from roark_otel._spool.census import SpoolItem


def whose(directory: Path, settings: Settings) -> Whose:
    """Returns whose directory it is for a process with these settings."""
    if settings.api_key is None:
        return Whose.OPEN
    return Whose.OWN if directory == spool_directory(settings, settings.api_key) else Whose.OTHER


def introduce(settings: Settings, key: SecretStr, own: Path) -> None:
    """Asks Roark whether it accepts a key, if calls wait for one that it does; that changes nothing at Roark.

    A key that has delivered no call yet is known to no record. Its service is the one that the environment names.
    """
    record = records.read(own)
    others = records.others(settings.spool_dir, own)
    waits = any(one.is_orphaned and one.address == settings.address for one in others.values())
    if not waits or record.acceptance is Acceptance.ONCE:
        return
    from roark_otel._delivery.client import Client, Probed  # it takes a while to import httpx
    from roark_otel._delivery.misconfigured import Misconfigured

    try:
        client = Client(settings.address, key, settings.project_id, settings.http_timeout_seconds)
    except Misconfigured:
        return  # the courier logs it
    try:
        probe = client.probe()
    finally:
        client.close()
    if isinstance(probe, Probed) and probe.status == 200 and probe.is_roark:
        records.write(own, records.of_probe(record, settings.address, service_name()))


def service_name() -> str:
    """Returns the `service.name` of the environment; empty if it has none, as a call's is that has none."""
    from opentelemetry.sdk.resources import OTELResourceDetector

    found = os.environ.get("OTEL_SERVICE_NAME") or OTELResourceDetector().detect().attributes.get("service.name", "")
    return str(found)


def rests(cut: Sequence[SpoolItem], quiet_seconds: float, then: Outlook) -> Outlook:
    """Returns what conversations wait for that were cut off: until the last of them has rested.

    `then`: what the calls of their directory that can be sent wait for.
    """
    return of_cut_off(max(one.since for one in cut) + quiet_seconds - time.time(), then)


def outlooks(settings: Settings, own: Path) -> list[str]:
    """Returns what becomes of the calls that wait in a spool, a line for each directory and for those in recordings."""
    lines: list[str] = []
    for directory in directories(settings.spool_dir):
        found = measure(directory)
        kind = Whose.OWN if directory == own else Whose.OTHER
        then = outlook(directory, records.read(directory), kind, settings.address)
        if found.sendable:
            lines.append(f"{found.sendable} in {directory}: {then.why}; {then.cure}")
        if cut := cut_off(directory):
            will = rests(cut, settings.quiet_seconds, then)
            lines.append(f"{len(cut)} in {directory}: {will.why}; {will.cure}")
        if found.awaiting_recording and directory == own:
            lines.append(f"{found.awaiting_recording} in {directory}: no recording; {ATTACH}")
    return lines
