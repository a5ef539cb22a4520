"""Where requests come in, by HTTP or gRPC: what is not of conversations goes no further, the rest to the keeper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roark_otel._gateway.framing import glimpse
from roark_otel._gateway.reception import ComeAgain, NeverReadable, Received, Reception, Waiting
from roark_otel._sources.otlp.limits import UnreadableRequest
from roark_otel._sources.otlp.request import is_json, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._gateway.keeper import Keeper
    from roark_otel._gateway.relevance import RequestRelevance
    from roark_otel._gateway.traffic import Traffic

MAX_WAITING_BYTES: Final = 256 * 1024 * 1024
"""The most bytes of requests that are being received, unpacked or stored. More are asked to come again."""


class Room:
    """How many bytes of requests there is room for. One thread at a time may change it: the methods do not wait.

    Args:
        most: The most bytes.
    """

    def __init__(self, most: int = MAX_WAITING_BYTES) -> None:
        self._most = most
        self.used = 0

    def take(self, size: int) -> bool:
        """Takes room, if there is some. What is larger than all of it finds some while nothing else is there."""
        if self.used and self.used + size > self._most:
            return False
        self.used += size
        return True

    def give_back(self, size: int) -> None:
        """Gives room back."""
        self.used -= size


class Door:
    """Takes requests.

    Args:
        keeper: What stores them.
        relevance: What says which may be of a conversation.
        traffic: Counts them.
    """

    def __init__(self, keeper: Keeper, relevance: RequestRelevance, traffic: Traffic) -> None:
        self._keeper = keeper
        self._relevance = relevance
        self._traffic = traffic
        self.is_shut = False
        """Whether the gateway is stopping, so that senders shall send to its successor."""

    def enter(self, request: bytes, answer: Callable[[Reception], None]) -> Reception | None:
        """Takes a request, unpacked.

        Args:
            request: An OTLP export of traces, as protobuf or JSON.
            answer: Called with what has become of it, on another thread, if that is not known at once.

        Returns:
            What has become of it; None if `answer` will be called.
        """
        if self.is_shut:
            return ComeAgain(1, "the gateway is stopping")
        try:
            with reading():
                if not is_json(request) and not self._relevance.is_in(request):
                    spans, traces = glimpse(request)
                    if not self._keeper.knows_any(traces):
                        return Received(spans, 0, 0, "")
        except UnreadableRequest as fault:
            return NeverReadable(str(fault))
        self._keeper.put(Waiting(request, answer))
        return None

    def refuse(self, why: str, after: int = 2) -> ComeAgain:
        """Returns the answer to a sender that is to come again. No conversation is closed until it has had its turn."""
        self._keeper.note_refusal()
        return ComeAgain(after, why)

    def count(self, reception: Reception, size: int) -> None:
        """Counts a request."""
        self._traffic.count(reception, size)
