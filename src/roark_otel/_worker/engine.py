"""Runs the stages in Quix Streams. No other module knows it, and this one nothing of spans.

Three of its parts have no public name, for which its versions are pinned: `_consumer`, whose assignment says which
partitions to tick and how far behind they are; `_transaction`, the state of a whole partition, where it offers that
of the record's key; and `_total_offsets_processed` of its checkpoint, for the last line of a worker that is cut short.
"""

# The engine and its client are an extra that is not installed where types are checked, and have few types.
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUntypedBaseClass=false, reportUnknownLambdaType=false, reportMissingTypeArgument=false

from __future__ import annotations

import logging
import time
import warnings
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, cast

with warnings.catch_warnings(record=True):
    # What it brings along for its makers' cloud warns on stderr of what it brings along itself, whatever the filters.
    from confluent_kafka import KafkaException
    from quixstreams import Application, message_context
    from quixstreams.exceptions import QuixException
    from quixstreams.kafka import ConnectionConfig
    from quixstreams.models import Serializer
    from quixstreams.state.rocksdb import RocksDBOptions

from roark_otel._safety.guard import log_once
from roark_otel._sources.otlp.limits import UnreadableRequest
from roark_otel._worker.partitions import key_of
from roark_otel._worker.posting import log_dead
from roark_otel._worker.recordings import announced_recording
from roark_otel._worker.records import Progress, RecordingNews, read_record, write_record
from roark_otel._worker.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._worker.conversations import Conversations
    from roark_otel._worker.options import WorkerOptions
    from roark_otel._worker.outcomes import Dead
    from roark_otel._worker.state import PartitionState
    from roark_otel._worker.traces import Traces

COMMIT_SECONDS: Final = 1.0
PROGRESS_MS: Final = 400
"""How often a partition says how far it is: in time of the log, and of the machine's, which decides nothing else."""

_SPANS, _REJECTED = 0, 1
_PREFIX: Final = b"p"
_MIB: Final = 1024 * 1024

Produced = tuple[int, bytes, bytes]
"""The topic, by its number, the key and the value."""


class WorkerEnded(Exception):  # noqa: N818 - says what has happened
    """Raised where a worker cannot go on. The message says why."""


class _Values(Serializer):  # type: ignore[misc,unused-ignore] # the engine is not installed where types are checked
    def __call__(self, value: Produced, ctx: object = None) -> bytes:  # noqa: ARG002 - the engine names it
        return value[2]


class StreamEngine:
    """The stages of this worker, and the loop that feeds them.

    Args:
        options: How the worker is set up.
        partitions: How many partitions the source has, and the topic between the stages, when it is asked.
        make_traces: Makes the first stage of a partition.
        make_conversations: Makes the second stage of a partition.
        count: Called with the name of what is counted, and a number.
    """

    def __init__(
        self,
        options: WorkerOptions,
        partitions: Callable[[str], int],
        make_traces: Callable[[int], Traces],
        make_conversations: Callable[[int], Conversations],
        count: Callable[[str, int], None],
    ) -> None:
        self._names = options.topics
        self._partitions = partitions
        self._count = count
        self.traces: Stages[Traces] = Stages(make_traces)
        self.conversations: Stages[Conversations] = Stages(make_conversations)
        self._said: dict[int, tuple[int, float]] = {}
        self.heard: dict[int, float] = {}
        """When a record of each partition of the source was processed last, in monotonic seconds."""
        self._app = _application(options)
        self._build()

    def _build(self) -> None:
        app, names = self._app, self._names
        source = app.topic(names.source, key_deserializer="bytes", value_deserializer="bytes")
        spans = app.topic(
            names.spans,
            key_deserializer="bytes",
            value_deserializer="bytes",
            key_serializer="bytes",
            value_serializer=_Values(),
        )
        rejected = app.topic(names.rejected, key_serializer="bytes", value_serializer=_Values())
        recordings = app.topic(names.recordings, key_deserializer="bytes", value_deserializer="bytes")
        to = (spans, rejected)

        def topic_of(value: Produced, _key: object, _timestamp: int, _headers: object) -> Any:  # noqa: ANN401
            return to[value[0]]

        for topic, stage in ((source, self._of_source), (spans, self._of_spans)):
            frame = app.dataframe(topic).apply(stage, stateful=True, expand=True, metadata=True)
            frame.to_topic(topic_of, key=itemgetter(1))
        app.dataframe(recordings).apply(self._of_recordings, expand=True, metadata=True).to_topic(
            topic_of, key=itemgetter(1)
        )

    def run(self) -> None:
        """Runs until a signal stops it.

        Raises:
            WorkerEnded: if the brokers have taken its partitions away, or did not answer for long, or a person has
                interrupted it twice. Records that are not written yet must not be written later, so that the process
                has to end as well: the next goes on.
        """
        try:
            self._app.run()
        except KeyboardInterrupt:  # by a second Ctrl-C: the engine takes the first as SIGTERM
            raise WorkerEnded("interrupted before it had committed") from None
        except (KafkaException, QuixException) as fault:
            raise WorkerEnded(f"{type(fault).__name__}: {fault}") from fault

    # The stages

    def _of_source(
        self, value: bytes | None, key: bytes | None, timestamp: int, _headers: object, state: PartitionState
    ) -> list[Produced]:
        at, state = message_context(), _of_partition(state)
        stage = self.traces.at(at.partition, at.offset, timestamp, state)
        outputs: list[Produced] = []
        if value:  # an empty one is a tick
            try:
                outputs += [
                    (_SPANS, record.external_id.encode(), write_record(record))
                    for record in stage.take(value, key, timestamp, state)
                ]
            except UnreadableRequest as fault:
                self._count("unreadable_requests", 1)
                log_once(logging.WARNING, ("unreadable",), "a message of %s is kept in %s: %s", *self._where(fault))
                outputs.append((_REJECTED, b"unreadable", value))
            if key is None:
                self._count("messages_without_key", 1)
        now_ms = stage.pass_time(timestamp, state)
        self.heard[at.partition] = time.monotonic()
        return outputs + self._progress(at.partition, now_ms)

    def _where(self, fault: UnreadableRequest) -> tuple[object, ...]:
        return self._names.source, self._names.rejected, fault

    def _progress(self, partition: int, at_ms: int) -> list[Produced]:
        """Returns what says to each partition of the next topic how far this one is, behind its spans."""
        said_ms, said_at = self._said.get(partition, (0, 0.0))
        now = time.monotonic()
        if at_ms < said_ms + PROGRESS_MS or now < said_at + PROGRESS_MS / 2000:
            return []
        self._said[partition] = at_ms, now
        self.traces.keep(self.owned())
        self.conversations.keep(self.owned(self._names.spans))
        ours, theirs = self._partitions(self._names.source), self._partitions(self._names.spans)
        record = write_record(Progress(partition, ours, at_ms))
        return [(_SPANS, key_of(each, theirs), record) for each in range(theirs)]

    def _of_spans(
        self, value: bytes | None, _key: bytes | None, timestamp: int, _headers: object, state: PartitionState
    ) -> list[Produced]:
        at, state = message_context(), _of_partition(state)
        stage = self.conversations.at(at.partition, at.offset, timestamp, state)
        return [self._dead(one) for one in stage.take(read_record(value or b""), state)]

    def _dead(self, one: Dead) -> Produced:
        log_dead(one, self._names.rejected)
        return _REJECTED, one.external_id.encode(), one.body

    def _of_recordings(
        self, value: bytes | None, key: bytes | None, timestamp: int, _headers: object
    ) -> list[Produced]:
        found = announced_recording(key, value)
        if found is None:
            self._count("bad_recordings", 1)
            return []
        external_id, url = found
        return [(_SPANS, external_id.encode(), write_record(RecordingNews(external_id, timestamp, url)))]

    # What the engine knows

    def owned(self, topic: str | None = None) -> frozenset[int]:
        """Returns the partitions of a topic that this worker has; of the source, if none is named."""
        name = topic or self._names.source
        return frozenset(tp.partition for tp in self._assignment() if tp.topic == name)

    def stages(self) -> tuple[list[Traces], list[Conversations]]:
        """Returns the stages of the partitions that this worker has."""
        return self.traces.of(self.owned()), self.conversations.of(self.owned(self._names.spans))

    def lag(self) -> dict[str, int]:
        """Returns how many records of each topic wait, in the partitions that this worker has."""
        found: dict[str, int] = {}
        consumer = self._app._consumer  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        for tp in self._assignment():
            if tp.topic not in (self._names.source, self._names.spans):
                continue
            (at,) = consumer.position([tp])
            low, high = consumer.get_watermark_offsets(tp, cached=True)
            behind = high - (at.offset if at.offset >= 0 else low)
            found[tp.topic] = found.get(tp.topic, 0) + max(0, behind)
        return found

    def uncommitted(self) -> int:
        """Returns how many records were read since the last commit."""
        context = self._app._processing_context  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        try:
            return int(context.checkpoint._total_offsets_processed)  # noqa: SLF001
        except QuixException:  # there is none before the first partition has come
            return 0

    def _assignment(self) -> list[Any]:
        consumer = self._app._consumer  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return cast("list[Any]", consumer.assignment()) if consumer.consumer_exists else []


def _of_partition(state: Any) -> PartitionState:  # noqa: ANN401
    """Returns the state of the whole partition: that of one key is too little, as what has no key has no other."""
    return cast("PartitionState", state._transaction.as_state(prefix=_PREFIX))  # noqa: SLF001


def _application(options: WorkerOptions) -> Application:
    consumer: dict[str, object] = {
        "session.timeout.ms": int(options.session_seconds * 1000),
        "heartbeat.interval.ms": int(options.session_seconds * 250),
        "queued.max.messages.kbytes": 4096,
        "fetch.queue.backoff.ms": 100,
        # A broker answers one request of a connection after the other. While a fetch waits for records, the engine's
        # questions wait behind it, of which it asks one for each partition that it takes over.
        "fetch.wait.max.ms": 100,
        "topic.metadata.refresh.interval.ms": 30_000,
    }
    if options.instance:
        consumer["group.instance.id"] = options.instance
    return Application(
        broker_address=_connection(options),
        consumer_group=options.group,
        auto_offset_reset="earliest",
        state_dir=options.state_dir,
        commit_interval=COMMIT_SECONDS,
        consumer_poll_timeout=0.2,
        loglevel=None,
        broker_availability_timeout=0,
        # What the log has lost is lost; what is in the state is not, so it must not be deleted with it.
        auto_recover_from_source_offset_out_of_range=False,
        consumer_extra_config=consumer,
        producer_extra_config={
            "compression.type": "zstd",
            "linger.ms": 10,
            "acks": "all",
            # None may time out between others: progress would overtake it.
            "message.timeout.ms": 0,
            "message.max.bytes": 128 * _MIB,
            "queue.buffering.max.kbytes": 32 * 1024,
        },
        rocksdb_options=RocksDBOptions(
            write_buffer_size=2 * _MIB,
            max_write_buffer_number=2,
            target_file_size_base=8 * _MIB,
            block_cache_size=8 * _MIB,
            max_total_wal_size=16 * _MIB,
            use_fsync=False,
        ),
    )


def _connection(options: WorkerOptions) -> Any:  # noqa: ANN401
    return ConnectionConfig.from_librdkafka_dict(options.client(), ignore_extras=True)
