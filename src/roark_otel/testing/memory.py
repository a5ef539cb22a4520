"""A Roark in memory, in the place of the client: it takes every call, and nothing leaves the process."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from roark_otel._model.receipts import Delivered, Rejected

if TYPE_CHECKING:
    from roark_otel._model.receipts import Receipt

NO_RECORDING: Final = "https://recordings.example.com/no-recording-was-named"
"""What calls have for a recording where nothing names one: a test needs none, and Roark takes no call without."""


class MemoryRoark:
    """Keeps the bodies of calls, by Roark's id of each, in the order in which they were created."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bodies: dict[str, dict[str, Any]] = {}

    def bodies(self) -> list[dict[str, Any]]:
        """Returns the bodies as they are now, with the tool uses that came later."""
        with self._lock:
            return [dict(body) for body in self._bodies.values()]

    # What the courier asks of a client

    def end_at(self, deadline: float) -> None:
        """Needs no time."""

    def close(self) -> None:
        """Has no connection."""

    def create_call(self, body: bytes, *, tried: bool) -> Receipt:
        """Takes a call; refuses a second one of an id, as Roark does."""
        call: dict[str, Any] = json.loads(body)
        if call.get("recordingUrl") == NO_RECORDING:
            del call["recordingUrl"]
        with self._lock:
            for call_id, known in self._bodies.items():
                if known.get("externalId") == call.get("externalId"):
                    return Delivered(call_id, already=True) if tried else Rejected(409, "id_in_use")
            call_id = str(uuid4())
            self._bodies[call_id] = call
        return Delivered(call_id)

    def append_tools(self, call_id: str, body: bytes) -> Receipt:
        """Takes tool uses that came after their call."""
        with self._lock:
            call = self._bodies.get(call_id)
            if call is None:
                return Rejected(404, "no such call")
            call["toolInvocations"] = [*call.get("toolInvocations", []), *json.loads(body)["toolInvocations"]]
        return Delivered(call_id)
