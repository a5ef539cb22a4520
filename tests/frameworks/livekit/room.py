"""LiveKit's own mock room with a caller in it, who came by telephone and can hang up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livekit import rtc

if TYPE_CHECKING:
    from collections.abc import Callable

PHONE_NUMBER = "+15551234567"
TRUNK_NUMBER = "+15557654321"


class Telephone:
    """The caller of a room.

    Args:
        room: The mock room of a job. Nobody else is in it from now on.
    """

    def __init__(self, room: Any) -> None:
        self._listeners: dict[str, list[Callable[..., object]]] = {}
        room.on = self._on
        room.off = lambda *_: None
        (self._caller,) = room.remote_participants.values()
        self._caller.kind = rtc.ParticipantKind.PARTICIPANT_KIND_SIP
        self._caller.identity = f"sip_{PHONE_NUMBER}"
        self._caller.disconnect_reason = None
        self._caller.track_publications = {}
        self._caller.attributes = {
            "sip.callID": "SCL_1",
            "sip.phoneNumber": PHONE_NUMBER,
            "sip.trunkPhoneNumber": TRUNK_NUMBER,
            "sip.ruleID": "SDR_1",
        }
        room.remote_participants = {self._caller.identity: self._caller}

    def _on(self, event: str, listener: Callable[..., object]) -> None:
        self._listeners.setdefault(event, []).append(listener)

    def hang_up(self) -> None:
        self._caller.disconnect_reason = rtc.DisconnectReason.CLIENT_INITIATED
        for listener in self._listeners.get("participant_disconnected", []):
            listener(self._caller)
