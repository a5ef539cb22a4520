"""Metrics about this package: the numbers of `Stats` and of the spool, as OpenTelemetry instruments of `roark_otel`.

All are observable: they are read on the thread of the app's metric reader, when it collects. Without an SDK's meter
provider there is no reader, and nothing is done. Names follow the SDK's own (`otel.sdk.processor.*`,
`otel.sdk.exporter.*`).
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import Observation, get_meter

from roark_otel._model.version import __version__
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider

    from roark_otel._engine.engine import Engine

ERROR_TYPE: Final = "error.type"
OUTCOME: Final = "roark_otel.outcome"
STATE: Final = "roark_otel.spool.state"

_COUNTER, _UP_DOWN, _GAUGE = "create_observable_counter", "create_observable_up_down_counter", "create_observable_gauge"

_CONVERSATIONS = {
    "finished": "call",
    "skipped": "skipped",
    "sampled_out": "sampled_out",
    "declined": "declined",
    "withheld": "withheld",
    "empty": "empty",
    "no_id": "no_id",
    "second_roots": "second_root",
    "unattributed": "unattributed",
    "fragments": "fragment",
    "dropped_conversations": "dropped",
    "duplicates": "duplicate",
}
"""Counters of `Stats`, and the outcome of the conversations that each counts."""

_CALLS = ("delivered", "already", "rejected", "lost")
"""Counters of calls that the courier is done with; the last two are failures."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument, and the function that reads it."""

    name: str
    kind: str
    unit: str
    description: str
    read: Callable[[Engine], Iterable[tuple[float, Mapping[str, str]]]]


def _conversations(engine: Engine) -> Iterable[tuple[float, Mapping[str, str]]]:
    stats = engine.stats()
    return [(getattr(stats, name), {OUTCOME: outcome}) for name, outcome in _CONVERSATIONS.items()]


def _calls(engine: Engine) -> Iterable[tuple[float, Mapping[str, str]]]:
    for outcome in _CALLS:
        for kind, number in engine.failures(outcome).items():
            error = {} if kind is None else {ERROR_TYPE: kind}
            yield number, {OUTCOME: outcome, **error}


def _failed_attempts(engine: Engine) -> Iterable[tuple[float, Mapping[str, str]]]:
    for outcome in ("retried", "refused"):
        for kind, number in engine.failures(outcome).items():
            yield number, {OUTCOME: outcome, ERROR_TYPE: kind or "_OTHER"}


def _dropped_spans(engine: Engine) -> Iterable[tuple[float, Mapping[str, str]]]:
    stats = engine.stats()
    yield stats.dropped_spans, {ERROR_TYPE: "queue_full"}
    yield stats.late_dropped, {ERROR_TYPE: "late"}
    yield stats.bad_ids, {ERROR_TYPE: "bad_id"}


def _spooled(engine: Engine) -> Iterable[tuple[float, Mapping[str, str]]]:
    stats, found = engine.stats(), engine.measure_spool()
    yield stats.spooled, {STATE: "sendable"}
    yield stats.awaiting_recording, {STATE: "awaiting_recording"}
    yield stats.going_on, {STATE: "going_on"}
    yield found.rejected, {STATE: "rejected"}


def _bytes(engine: Engine) -> Iterable[tuple[float, Mapping[str, str]]]:
    found = engine.measure_spool()
    yield found.bytes, {STATE: "waiting"}
    yield found.rejected_bytes, {STATE: "rejected"}


INSTRUMENTS: Final = (
    Instrument(
        "roark_otel.processor.conversation.open",
        _UP_DOWN,
        "{conversation}",
        "Conversations that are not closed.",
        lambda engine: [(engine.stats().open_conversations, {})],
    ),
    Instrument(
        "roark_otel.processor.conversation.processed",
        _COUNTER,
        "{conversation}",
        "Conversations that are closed, by what became of them.",
        _conversations,
    ),
    Instrument(
        "roark_otel.processor.conversation.unsaved.age",
        _GAUGE,
        "s",
        "The age of the oldest word of an open conversation that may not be saved yet; 0 if none is open.",
        lambda engine: [(engine.parts.assembler.unsaved_seconds, {})],
    ),
    Instrument(
        "roark_otel.processor.span.dropped",
        _COUNTER,
        "{span}",
        "Spans that are not part of their call, or not wholly, by the reason.",
        _dropped_spans,
    ),
    Instrument(
        "roark_otel.processor.event.dropped",
        _COUNTER,
        "{event}",
        "Events of spans that were dropped, by the reason.",
        lambda engine: [(engine.stats().dropped_events, {ERROR_TYPE: "queue_full"})],
    ),
    Instrument(
        "roark_otel.processor.span.late",
        _COUNTER,
        "{span}",
        "Spans that came after their conversation was closed.",
        lambda engine: [(engine.stats().late_spans, {})],
    ),
    Instrument(
        "roark_otel.processor.queue.size",
        _UP_DOWN,
        "{entry}",
        "Entries that wait in the inbox.",
        lambda engine: [(engine.waiting_entries, {})],
    ),
    Instrument(
        "roark_otel.exporter.call.exported",
        _COUNTER,
        "{call}",
        "Calls that Roark has, or that it will not take, by outcome and error type.",
        _calls,
    ),
    Instrument(
        "roark_otel.exporter.attempt.failed",
        _COUNTER,
        "{attempt}",
        "Attempts that are made again, by outcome and error type.",
        _failed_attempts,
    ),
    Instrument(
        "roark_otel.spool.call.count", _UP_DOWN, "{call}", "Calls in the spool, by what they wait for.", _spooled
    ),
    Instrument("roark_otel.spool.size", _UP_DOWN, "By", "Bytes in the spool.", _bytes),
    Instrument(
        "roark_otel.spool.oldest.age",
        _GAUGE,
        "s",
        "The age of the oldest call that waits in the spool; 0 if none does.",
        lambda engine: [(engine.measure_spool().oldest_seconds, {})],
    ),
)
"""All instruments."""

_names = count()


class _Watched:
    """The engines whose metrics one meter provider reads. It keeps none of them alive."""

    def __init__(self, meter: Meter) -> None:
        self._engines: weakref.WeakKeyDictionary[Engine, str] = weakref.WeakKeyDictionary()
        for one in INSTRUMENTS:
            create = getattr(meter, one.kind)
            create(one.name, [self._callback(one)], unit=one.unit, description=one.description)

    def add(self, engine: Engine) -> None:
        """Adds an engine, once."""
        if engine not in self._engines:
            self._engines[engine] = f"roark_span_processor/{next(_names)}"

    def _callback(self, one: Instrument) -> Callable[[CallbackOptions], Iterable[Observation]]:
        @guarded(())
        def read(_: CallbackOptions) -> Iterable[Observation]:
            found: list[Observation] = []
            for engine, name in list(self._engines.items()):
                which = {"otel.component.type": "roark_span_processor", "otel.component.name": name}
                found += [Observation(value, {**which, **attributes}) for value, attributes in one.read(engine)]
            return found

        return read


_global: list[_Watched] = []
_watched: weakref.WeakKeyDictionary[MeterProvider, _Watched] = weakref.WeakKeyDictionary()


@guarded(None)
def watch(engine: Engine, meter_provider: MeterProvider | None) -> None:
    """Lets a meter provider read the metrics of an engine.

    Args:
        engine: The engine.
        meter_provider: None for the global one, also if it is set later.
    """
    if meter_provider is not None:
        watched = _watched.get(meter_provider)
        if watched is None:
            watched = _watched[meter_provider] = _Watched(meter_provider.get_meter("roark_otel", __version__))
    else:
        # Once in a process: until the global provider is set, its stand-in keeps what was made with it.
        if not _global:
            _global.append(_Watched(get_meter("roark_otel", __version__)))
        watched = _global[0]
    watched.add(engine)
