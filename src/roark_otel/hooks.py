"""The hooks of an app: what it gives a processor beside settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roark_otel.types import ReceiptHook, RecordingResolver, Redactor


@dataclass(frozen=True, slots=True)
class Hooks:
    """What an app is asked while calls are made and delivered.

    `recording_url` is the recording of every call whose spans name none, or what finds it; `redact` the app's own word
    on what may be sent; `on_receipt` is told what became of each attempt to deliver a call.
    """

    recording_url: str | RecordingResolver | None = None
    redact: Redactor | None = None
    on_receipt: ReceiptHook | None = None
