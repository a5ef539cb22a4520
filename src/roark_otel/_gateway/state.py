"""How the gateway is: for probes, and for Prometheus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from roark_otel._delivery.availability import Pause
from roark_otel._gateway.http_app import HttpAnswer
from roark_otel._gateway.otlp_answers import JSON

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roark_otel._delivery.courier import Courier
    from roark_otel._gateway.clock import AcceptingClock
    from roark_otel._gateway.door import Door
    from roark_otel._gateway.keeper import Keeper
    from roark_otel._gateway.open_groups import OpenGroups
    from roark_otel._gateway.traffic import Traffic
    from roark_otel._model.stats import Tally
    from roark_otel._spool.spool import Spool

HEALTH_PATH: Final = "/healthz"
READY_PATH: Final = "/readyz"
METRICS_PATH: Final = "/metrics"

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_OUTCOMES: Final = (
    "finished", "delivered", "already", "rejected", "retried", "refused", "duplicates", "empty", "no_id",
    "unattributed", "skipped", "sampled_out", "late_spans", "late_dropped", "appended", "unreadable", "lost",
)  # fmt: skip


class GatewayState:
    """Says how the gateway is.

    Args:
        keeper: What stores spans.
        groups: What is open.
        clock: The accepting time.
        spool: Where calls wait.
        courier: What delivers them.
        tally: What has become of conversations and calls.
        door: Whether requests are taken.
        traffics: What has come in.
    """

    def __init__(
        self,
        keeper: Keeper,
        groups: OpenGroups,
        clock: AcceptingClock,
        spool: Spool,
        courier: Courier,
        tally: Tally,
        door: Door,
        traffics: Sequence[Traffic],
    ) -> None:
        self._keeper = keeper
        self._groups = groups
        self._clock = clock
        self._spool = spool
        self._courier = courier
        self._tally = tally
        self._door = door
        self._traffics = traffics

    def answer(self, path: str) -> HttpAnswer | None:
        """Returns the answer to a path; None if it is not one of these."""
        match path:
            case "/healthz":
                return HttpAnswer(200, b'{"status":"ok"}', JSON)
            case "/readyz":
                return self._readiness()
            case "/metrics":
                return HttpAnswer(200, "".join(self._metrics()).encode(), _TEXT)
            case _:
                return None

    def _readiness(self) -> HttpAnswer:
        """Returns whether requests are accepted. Without Roark they are: calls wait in the spool, and it is said."""
        is_ready = self._is_ready()
        stopping = self._door.is_shut
        found = {"ready": is_ready, "disk": self._keeper.disk_state, "roark": self._roark(), "stopping": stopping}
        return HttpAnswer(200 if is_ready else 503, json.dumps(found).encode(), JSON)

    def _is_ready(self) -> bool:
        return self._keeper.is_accepting and not self._door.is_shut

    def _roark(self) -> str:
        availability = self._courier.availability
        if not availability.is_down:
            return "ok"
        return {Pause.REFUSED: "refuses", Pause.UNCONNECTED: "not connected"}.get(availability.pause, "fails")

    def _metrics(self) -> Iterator[str]:
        yield from _family("requests_total", "counter", "Requests by what became of them.")
        for outcome in sorted({name for traffic in self._traffics for name in traffic.requests}):
            yield _sample("requests_total", sum(one.requests[outcome] for one in self._traffics), outcome=outcome)
        yield from _family("spans_total", "counter", "Spans by what became of them.")
        for outcome in ("stored", "not_ours", "rejected"):
            yield _sample("spans_total", sum(one.spans[outcome] for one in self._traffics), outcome=outcome)
        yield from _family("received_bytes_total", "counter", "Bytes of requests, unpacked.")
        yield _sample("received_bytes_total", sum(one.bytes for one in self._traffics))
        yield from self._gauges()
        yield from _family("calls_total", "counter", "Conversations, calls and attempts by what became of them.")
        stats = self._tally.snapshot()
        for outcome in _OUTCOMES:
            yield _sample("calls_total", getattr(stats, outcome), outcome=outcome)

    def _gauges(self) -> Iterator[str]:
        counts, oldest = self._spool.counts(), self._groups.oldest()
        waiting = 0.0 if oldest is None else max(0.0, self._clock.now - oldest)
        for name, help_text, value in (
            ("open_conversations", "Conversations that are open.", self._groups.conversations),
            ("open_groups", "Groups of traces that are open, with those that have no id yet.", len(self._groups)),
            ("store_bytes", "Bytes of spans of open conversations.", self._groups.size),
            ("oldest_waiting_seconds", "Accepting time since the last span of the conversation idle longest.", waiting),
            ("accepting_seconds", "Accepting time since the store was made.", self._clock.now),
            ("ready", "Whether requests are accepted.", int(self._is_ready())),
            ("roark_up", "Whether Roark took the last call.", int(not self._courier.availability.is_down)),
            ("spooled_calls", "Calls that wait to be sent.", counts.sendable),
            ("calls_awaiting_recording", "Calls that lack their recording.", counts.awaiting_recording),
        ):
            yield from _family(name, "gauge", help_text)
            yield _sample(name, value)


def _family(name: str, kind: str, help_text: str) -> Iterator[str]:
    yield f"# HELP roark_otel_gateway_{name} {help_text}\n# TYPE roark_otel_gateway_{name} {kind}\n"


def _sample(name: str, value: float, **labels: str) -> str:
    written = ",".join(f'{key}="{one}"' for key, one in labels.items())
    return (
        f"roark_otel_gateway_{name}{{{written}}} {value:g}\n" if written else f"roark_otel_gateway_{name} {value:g}\n"
    )
