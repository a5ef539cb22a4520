"""Both stages over states in memory, without Kafka: a log of one partition, whose time the test says."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from roark_otel import Settings
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._settings.api_key import Key
from roark_otel._worker.conversations import Conversations
from roark_otel._worker.glancing import glances
from roark_otel._worker.making import Making
from roark_otel._worker.open_conversation import ConversationWaits
from roark_otel._worker.posting import Posters
from roark_otel._worker.records import Progress, read_record, write_record
from roark_otel._worker.traces import Traces, TraceWaits
from roark_otel.dialects import DIALECTS
from support.replaying import RECORDING

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._worker.outcomes import Dead
    from roark_otel._worker.records import StageRecord

S = 1000
SETTLE, QUIET, IDLE, RECORDING_WAIT, REMEMBERED = 10 * S, 60 * S, 600 * S, 300 * S, 3600 * S
NEVER = 10**12
DEADLINE = 60.0


class Memory(dict[str, bytes]):
    """The state of a partition."""

    def get_bytes(self, key: str, default: None = None) -> bytes | None:
        return self.get(key, default)

    def set_bytes(self, key: str, value: bytes) -> None:
        assert value[0] >= 0x40, "the engine may take it for an expiry"
        self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)


class Line:
    """A worker with one partition of each topic.

    Args:
        url: Where Roark is.
        forgets: Whether all that is in memory is lost before each record, as with a worker that is killed after each.
        pause: How long nothing may come before that is a pause. By default none is, so that tests may skip time.
        settings: How calls are made.
    """

    def __init__(self, url: str, *, forgets: bool = False, pause: int = NEVER, **settings: object) -> None:
        given = {"recording_url_template": RECORDING, **settings}
        self.settings = Settings().with_arguments(api_key="test-key", base_url=url, **given)  # type: ignore[arg-type]
        self.counts: Counter[str] = Counter()
        self.first, self.second = Memory(), Memory()
        self.dead: list[Dead] = []
        self.now_ms = self._reached_ms = 1_800_000_000_000
        self._forgets, self._pause = forgets, pause
        self._look = glances(Vocabulary(DIALECTS, self.settings.external_id_keys))
        key = self.settings.api_key
        assert key is not None
        self._new_posting: Callable[[], Posters] = partial(
            Posters, self.settings, Key(key, None), Making(self.settings, DIALECTS, self._count), self._count
        )
        self.restart()

    def _count(self, name: str, number: int) -> None:
        self.counts[name] += number

    def restart(self) -> None:
        """Loses all that is in memory."""
        self.posting = self._new_posting()
        self.traces = Traces(self._look, TraceWaits(QUIET, IDLE, self._pause, SETTLE), self._count)
        waits = ConversationWaits(SETTLE, QUIET, IDLE, RECORDING_WAIT, REMEMBERED)
        self.conversations = Conversations(0, waits, self.posting, self._count)
        self.traces.load(self.now_ms, self.first)
        self.conversations.load(self.now_ms, self.second)

    def take(self, request: bytes, key: bytes | None = None, *, after_ms: int = 100) -> None:
        """Appends a message of the source, so long after the last one."""
        self.now_ms += after_ms
        if self._forgets:
            self.restart()
        records: list[StageRecord] = []
        if request:
            records += self.traces.take(request, key, self.now_ms, self.first)
        self._reached_ms = self.traces.pass_time(self.now_ms, self.first)
        for record in [*records, Progress(0, 1, self._reached_ms)]:
            self.hear(record)

    def hear(self, record: StageRecord) -> None:
        """Hands a record to the second stage, as it is written between the stages."""
        written = read_record(write_record(record))  # type: ignore[arg-type]
        self.dead += self.conversations.take(written, self.second)

    def tick(self, after_ms: int) -> None:
        """Lets time pass in the log, and has what was sent off for it come back."""
        self.take(b"", after_ms=after_ms)
        self.wait()

    def wait(self) -> None:
        """Waits until nothing is away, and hands over what came of it."""
        deadline = time.monotonic() + DEADLINE
        while self.posting.away:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        self.hear(Progress(0, 1, self._reached_ms))

    def open(self) -> set[str]:
        """Returns what the states have, but for counters and what is remembered."""
        found = {key.partition("/")[0] for key in (*self.first, *self.second)}
        return found & {"c", "s", "t", "w"}
