"""A worker: the stages, the threads beside them, and what they say of themselves."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from roark_otel._model.vocabulary import Vocabulary
from roark_otel._safety.guard import guarded, logger
from roark_otel._settings.api_key import Key
from roark_otel._worker.conversations import Conversations
from roark_otel._worker.counters import Counters, exposition
from roark_otel._worker.ending import BoundedEnd
from roark_otel._worker.engine import StreamEngine
from roark_otel._worker.glancing import glances
from roark_otel._worker.making import Making
from roark_otel._worker.open_conversation import ConversationWaits
from roark_otel._worker.posting import Posters
from roark_otel._worker.serving import serve_pages
from roark_otel._worker.ticker import Ticker
from roark_otel._worker.traces import Traces, TraceWaits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import SecretStr

    from roark_otel._model.dialect import Dialect
    from roark_otel._settings.settings import Settings
    from roark_otel._worker.options import WorkerOptions
    from roark_otel._worker.topics import Broker

_COUNTS_SECONDS: Final = 30.0
"""How often the numbers of partitions are asked for."""


class KafkaWorker:
    """A worker that has not started yet.

    Args:
        options: How it is set up.
        settings: How calls are made and sent.
        key: The key of Roark's project.
        dialects: The dialects that are read, the highest first.
        broker: The topics.
    """

    def __init__(
        self, options: WorkerOptions, settings: Settings, key: SecretStr, dialects: Sequence[Dialect], broker: Broker
    ) -> None:
        self._options = options
        self._broker = broker
        self._sizes: dict[str, tuple[int, float]] = {}
        self._counters = Counters()
        count = self._counters.add
        vocabulary = Vocabulary(dialects, settings.external_id_keys)
        self._posting = Posters(settings, Key(key, settings.api_key_file), Making(settings, dialects, count), count)
        look, waits, kept = glances(vocabulary), _waits(options, settings), _trace_waits(options, settings)
        self._engine = StreamEngine(
            options,
            self._partitions,
            lambda _partition: Traces(look, kept, count),
            partial(self._conversations, waits),
            count,
        )
        self._ticker = Ticker(options, self._engine)

    def _conversations(self, waits: ConversationWaits, partition: int) -> Conversations:
        return Conversations(partition, waits, self._posting, self._counters.add)

    def serve(self, host: str, port: int) -> int:
        """Serves health and metrics. Returns the port."""
        return serve_pages(host, port, {"/livez": self._lives, "/readyz": self._is_ready, "/metrics": self._metrics})

    def run(self) -> None:
        """Runs until a signal stops it. Where that takes longer than the options allow, the process ends.

        Raises:
            WorkerEnded: if it cannot go on.
        """
        with BoundedEnd(self._options.stop_seconds, self._engine.uncommitted):
            self._ticker.start()
            try:
                self._engine.run()
            finally:
                self._ticker.stop()
                logger.info("worker stopped: %s", self._counters.snapshot())

    def _partitions(self, topic: str) -> int:
        """Returns how many partitions a topic has now: there may be more later."""
        number, asked_at = self._sizes.get(topic, (0, 0.0))
        now = time.monotonic()
        if not number or now - asked_at > _COUNTS_SECONDS:
            number = self._asked(topic) or number
            self._sizes[topic] = number, now
        return number

    @guarded(0)
    def _asked(self, topic: str) -> int:
        return self._broker.partitions(topic)

    # What it says of itself

    @staticmethod
    def _lives() -> tuple[int, str]:
        return 200, "alive\n"

    @guarded((503, "stopped\n"))
    def _is_ready(self) -> tuple[int, str]:
        owned = len(self._engine.owned())
        return (200, f"{owned} partitions\n") if owned else (503, "no partition yet\n")

    @guarded((503, "stopped\n"))
    def _metrics(self) -> tuple[int, str]:
        return 200, exposition(self._counters.snapshot(), self._gauges())

    def _gauges(self) -> Iterator[tuple[str, str, Mapping[str, str], float]]:
        for topic, behind in self._engine.lag().items():
            yield "lag_records", "Records that wait, in this worker's partitions.", {"topic": topic}, behind
        yield "records_uncommitted", "Records that were read since the last commit.", {}, self._engine.uncommitted()
        traces, stages = self._engine.stages()
        yield "conversations_open", "Conversations that are open.", {}, sum(map(len, stages))
        yield "traces_open", "Traces that are under way.", {}, sum(map(len, traces))
        firsts = [first for stage in stages if (first := stage.oldest_ms()) is not None]
        oldest = max(0.0, time.time() - min(firsts) / 1000) if firsts else 0.0
        yield "oldest_conversation_seconds", "The age of the oldest open conversation; 0 if none is.", {}, oldest
        yield "conversations_away", "Conversations whose call is being made or sent.", {}, self._posting.away
        yield "roark_down", "1 if Roark failed or refused when it was last asked.", {}, self._posting.is_down


def _waits(options: WorkerOptions, settings: Settings) -> ConversationWaits:
    delay = settings.recording_delay_seconds if settings.recording_url_template is not None else 0.0
    return ConversationWaits(
        settle=_ms(options.settle_seconds + delay),
        quiet=_ms(settings.quiet_seconds),
        idle=_ms(settings.idle_timeout_seconds),
        recording=_ms(settings.recording_wait_seconds),
        remembered=_ms(options.remember_seconds),
    )


def _trace_waits(options: WorkerOptions, settings: Settings) -> TraceWaits:
    quiet = max(settings.quiet_seconds, options.settle_seconds)
    return TraceWaits(
        quiet=_ms(min(quiet, settings.idle_timeout_seconds)),
        idle=_ms(settings.idle_timeout_seconds),
        pause=_ms(options.session_seconds + options.settle_seconds),
        hold=_ms(options.settle_seconds),
    )


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
