"""The second stage: keeps the spans of open conversations, and has the call made of each one that is over.

State of a partition, keyed:

    n            how many places there are for open conversations
    c/PLACE      the id of an open conversation
    s/ID/N       its spans and recordings, in the order in which they came, a few in each
    d/ID         what is remembered of a call that was delivered, see `tombstones`
    x...         when that is forgotten
"""

from __future__ import annotations

import random
import time
from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

from typing_extensions import assert_never

from roark_otel._delivery.answers import backoff
from roark_otel._worker.expiry import Expiry
from roark_otel._worker.frames import TOGETHER_MS, requests_of
from roark_otel._worker.open_conversation import (
    RECORDING,
    SPANS,
    OpenConversation,
    kind_and_content,
    read_conversation,
)
from roark_otel._worker.outcomes import Away, Dead, DoneWith, LacksRecording, NoneOfIt, StillOpen, TryLater
from roark_otel._worker.progress import LogTime
from roark_otel._worker.records import Progress, RecordingNews, RootEnded, SpanNews, UnknownRecord
from roark_otel._worker.state import drop_list, element_key, elements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roark_otel._worker.open_conversation import ConversationWaits
    from roark_otel._worker.posting import Posters
    from roark_otel._worker.records import StageRecord
    from roark_otel._worker.state import PartitionState

_PLACES: Final = 64


class Conversations:
    """The conversations of one partition of the topic between the stages.

    Args:
        partition: Its number.
        waits: How long they are waited for.
        posting: Makes calls and sends them.
        count: Called with the name of what is counted, and a number.
    """

    def __init__(
        self, partition: int, waits: ConversationWaits, posting: Posters, count: Callable[[str, int], None]
    ) -> None:
        self._waits = waits
        self._posting = posting
        self._count = count
        self._desk = posting.desk(partition)
        self._expiry = Expiry(waits.remembered)
        self._forget()

    def _forget(self) -> None:
        self._open: dict[str, OpenConversation] = {}
        self._fresh: deque[tuple[int, OpenConversation]] = deque()
        self._due: list[tuple[int, int, str]] = []
        self._free: list[int] = []
        self._places = 0
        self._time = LogTime()
        self._desk.clear()

    def __len__(self) -> int:
        """Returns how many conversations are open."""
        return len(self._open)

    def oldest_ms(self) -> int | None:
        """Returns when the first span of the oldest open one came; None if none is open."""
        return min((one.first_ms for one in list(self._open.values())), default=None)

    def load(self, now_ms: int, state: PartitionState) -> None:
        """Begins with a state that another worker may have written."""
        self._forget()
        self._expiry.load(now_ms, state)
        written = state.get_bytes("n")
        self._places = 0 if written is None else int(written[1:])
        for place in range(self._places):
            name = state.get_bytes(f"c/{place}")
            if name is None:
                self._free.append(place)
            elif (external_id := name[1:].decode()) in self._open:
                # Written by a worker that could not commit it; the next gave the conversation another place.
                state.delete(f"c/{place}")
                self._free.append(place)
            else:
                self._open[external_id] = one = read_conversation(external_id, place, state)
                self._plan(one)
        heapify(self._free)

    # What comes

    def take(self, record: StageRecord, state: PartitionState) -> Iterator[Dead]:
        """Takes in a record, and yields what Roark will never take."""
        yield from self._settle(state)
        match record:
            case SpanNews(external_id, ended, at_ms, content):
                one = self._opened(external_id, at_ms, state)
                self._add(one, SPANS, ended, at_ms, content, state)
            case RecordingNews(external_id, at_ms, url):
                one = self._opened(external_id, at_ms, state)
                one.tail.seal()
                self._add(one, RECORDING, RootEnded.NOTHING, at_ms, url.encode(), state)
                one.tail.seal()
            case Progress():
                while self._fresh and self._fresh[0][0] + TOGETHER_MS <= record.at_ms:
                    self._fresh.popleft()[1].tail.seal()
                if (now_ms := self._time.hear(record)) is not None:
                    self._close_due(now_ms, state)
                    for external_id, _ in self._expiry.due(now_ms, state):
                        state.delete(f"d/{external_id}")
            case UnknownRecord():
                self._count("unknown_records", 1)
            case _:
                assert_never(record)

    def _opened(self, external_id: str, at_ms: int, state: PartitionState) -> OpenConversation:
        found = self._open.get(external_id)
        if found is None:
            place = heappop(self._free) if self._free else self._new_place(state)
            is_late = state.get_bytes(f"d/{external_id}") is not None
            found = OpenConversation(external_id, place, first_ms=at_ms, last_ms=at_ms, is_late=is_late)
            self._open[external_id] = found
            state.set_bytes(f"c/{place}", b"C" + external_id.encode())
        return found

    def _new_place(self, state: PartitionState) -> int:
        place, self._places = self._places, self._places + _PLACES
        self._free += range(place + 1, self._places)
        state.set_bytes("n", b"N%d" % self._places)
        return place

    def _add(
        self, one: OpenConversation, kind: bytes, ended: RootEnded, at_ms: int, content: bytes, state: PartitionState
    ) -> None:
        one.ended = max(one.ended, ended)
        one.last_ms = max(one.last_ms, at_ms)
        if ended is RootEnded.SURELY:
            one.ended_ms = max(one.ended_ms, at_ms)
        one.is_asked = one.is_unrecorded = False
        grown = one.tail.grow(content, at_ms)
        if grown is None:
            one.pieces += 1
            self._fresh.append((at_ms, one))
        state.set_bytes(element_key(f"s/{one.external_id}", one.pieces - 1), one.piece(kind, grown or content))
        if one.planned is None or one.due_ms(self._waits) < one.planned:
            self._plan(one)

    # What is over

    def _plan(self, one: OpenConversation) -> None:
        one.planned = one.due_ms(self._waits)
        heappush(self._due, (one.planned, one.place, one.external_id))

    def _close_due(self, now_ms: int, state: PartitionState) -> None:
        resting: list[OpenConversation] = []
        while self._due and self._due[0][0] <= now_ms and self._posting.has_room():
            planned, _, external_id = heappop(self._due)
            one = self._open.get(external_id)
            if one is None or one.planned != planned or one.under_way:
                continue
            one.planned = None
            if one.due_ms(self._waits) > now_ms:
                self._plan(one)
            elif one.retry_at > time.monotonic():
                resting.append(one)
            else:
                self._send(one, now_ms, state)
        for one in resting:
            self._plan(one)

    def _send(self, one: OpenConversation, now_ms: int, state: PartitionState) -> None:
        one.tail.seal()  # what comes from now on is not in this call
        requests: list[bytes] = []
        url: str | None = None
        for piece in elements(f"s/{one.external_id}", one.pieces, state):
            kind, content = kind_and_content(piece)
            if kind == RECORDING:
                url = content.decode()
            else:
                requests += requests_of(content)
        is_idle = now_ms >= one.last_ms + max(self._waits.idle, self._waits.settle)
        one.under_way = True
        self._posting.send(
            self._desk,
            Away(
                external_id=one.external_id,
                pieces=one.pieces,
                requests=tuple(requests),
                recording_url=url,
                tombstone=state.get_bytes(f"d/{one.external_id}"),
                is_sure=one.ended is RootEnded.SURELY,
                is_idle=is_idle,
                is_late=one.is_late,
                may_use_fallback=one.is_unrecorded,
                now_ms=now_ms,
            ),
        )

    # What became of it

    def _settle(self, state: PartitionState) -> Iterator[Dead]:
        for away, result in self._desk.results():
            one = self._open.get(away.external_id)
            if one is None:
                continue
            one.under_way = False
            match result:
                case DoneWith(tombstone):
                    self._remember(one, tombstone, away.now_ms, state)
                    self._drop(one, away.pieces, state)
                case NoneOfIt():
                    self._drop(one, away.pieces, state)
                case Dead():
                    yield result
                    self._remember(one, result.tombstone, away.now_ms, state)
                    self._drop(one, away.pieces, state)
                case StillOpen():
                    one.is_asked = one.pieces == away.pieces
                    self._plan(one)
                case LacksRecording():
                    one.is_unrecorded = one.pieces == away.pieces
                    self._plan(one)
                case TryLater():
                    one.tries += 1
                    one.retry_at = time.monotonic() + backoff(one.tries, random.random())  # noqa: S311
                    self._plan(one)
                case _:
                    assert_never(result)

    def _remember(self, one: OpenConversation, tombstone: bytes, now_ms: int, state: PartitionState) -> None:
        state.set_bytes(f"d/{one.external_id}", tombstone)
        self._expiry.plan(one.external_id, now_ms + self._waits.remembered, state)

    def _drop(self, one: OpenConversation, pieces: int, state: PartitionState) -> None:
        """Deletes what a call was made of. What came since stays, and is late."""
        name = f"s/{one.external_id}"
        one.tail.seal()
        newer = [state.get_bytes(element_key(name, index)) for index in range(pieces, one.pieces)]
        drop_list(name, one.pieces, state)
        if not newer:
            state.delete(f"c/{one.place}")
            del self._open[one.external_id]
            heappush(self._free, one.place)
            return
        for index, piece in enumerate(newer):
            state.set_bytes(element_key(name, index), piece or b"")
        one.pieces = len(newer)
        one.is_late = state.get_bytes(f"d/{one.external_id}") is not None
        one.ended, one.tries = RootEnded.NOTHING, 0
        one.is_asked = one.is_unrecorded = False
        self._plan(one)
