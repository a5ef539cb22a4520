"""Ticks: an empty record to each partition of this worker in which nothing came, so that the log's time goes on there.

An empty message is a valid OTLP request without spans: whoever else reads the topic is not disturbed. If no worker
ticks, conversations end later; none is lost.
"""

# The engine and its client are an extra that is not installed where types are checked, and have few types.
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUntypedBaseClass=false, reportUnknownLambdaType=false, reportMissingTypeArgument=false

from __future__ import annotations

import logging
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException, Producer

from roark_otel._safety.guard import guarded, log_once

if TYPE_CHECKING:
    from roark_otel._worker.engine import StreamEngine
    from roark_otel._worker.options import WorkerOptions

SILENT_SECONDS: Final = 0.5


class Ticker:
    """A thread that ticks.

    Args:
        options: How the worker is set up.
        engine: Knows the partitions, and when a record of each was processed last.
    """

    def __init__(self, options: WorkerOptions, engine: StreamEngine) -> None:
        self._topic = options.topics.source
        self._engine = engine
        self._producer = Producer(
            {
                **options.client(),
                "acks": "1",
                # A tick that cannot be written soon is worth nothing: the next one says more.
                "message.timeout.ms": 2000,
                "queue.buffering.max.messages": 1000,
                "log_level": 0,
            }
        )
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="roark-worker-ticker", daemon=True)

    def start(self) -> None:
        """Starts to tick."""
        self._thread.start()

    def stop(self) -> None:
        """Ticks no more."""
        self._stopped.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stopped.wait(SILENT_SECONDS / 2):
            self._tick()

    @guarded(None)
    def _tick(self) -> None:
        since = time.monotonic() - SILENT_SECONDS
        heard = self._engine.heard
        try:
            for partition in self._engine.owned():
                if heard.get(partition, 0.0) <= since:
                    self._producer.produce(self._topic, value=b"", partition=partition)
                    heard[partition] = since + SILENT_SECONDS  # one tick at a time
            self._producer.poll(0)
        except (BufferError, KafkaException, RuntimeError):  # a consumer that was closed is a `RuntimeError`
            log_once(logging.WARNING, (), "a tick could not be written: conversations end later")
