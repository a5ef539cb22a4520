"""The first stage: learns whose each trace is, and sends its spans on to each of its conversations.

State of a partition, keyed:

    t/TRACE      the ids that the trace has shown, and when it was touched as it was written
    w/TRACE/N    its messages, a few in each, until it has been quiet: to a further id it goes whole
    x...         when to look at it again
    p            see `pauses`
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, Final, cast

from roark_otel._worker.expiry import Expiry
from roark_otel._worker.frames import TOGETHER_MS, Tail, framed, requests_of
from roark_otel._worker.pauses import Pauses
from roark_otel._worker.records import RootEnded, SpanNews
from roark_otel._worker.state import drop_list, element_key, elements, length_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roark_otel._worker.glancing import TraceShown
    from roark_otel._worker.state import PartitionState

_KEPT: Final = Struct(">cQ")
_AT: Final = _KEPT.size


@dataclass(frozen=True, slots=True)
class TraceWaits:
    """How long a trace is kept, in ms of log time.

    Args:
        quiet: After its last message, one that has shown an id.
        idle: After its last message, one that has not; and that its ids are remembered.
        pause: How long the log may be without any record before that is a pause.
        hold: How long the time stands still after a pause.
    """

    quiet: int
    idle: int
    pause: int
    hold: int


@dataclass(slots=True)
class _Trace:
    ids: list[str] = field(default_factory=list["str"])
    pieces: int = 0
    touched_ms: int = 0
    step: int | None = None
    tail: Tail = field(default_factory=Tail)

    def due_ms(self, waits: TraceWaits) -> int:
        return self.touched_ms + (waits.quiet if self.ids and self.pieces else waits.idle)


class Traces:
    """The traces of one partition of the source.

    Args:
        look: Returns what a message shows, see `glances`.
        waits: How long a trace is kept.
        count: Called with the name of what is counted, and a number.
    """

    def __init__(
        self,
        look: Callable[[bytes, bytes | None], dict[str, TraceShown]],
        waits: TraceWaits,
        count: Callable[[str, int], None],
    ) -> None:
        self._look = look
        self._waits = waits
        self._count = count
        self._expiry = Expiry(min(waits.quiet, waits.idle))
        self._pauses = Pauses(waits.pause, waits.hold)
        self._open: dict[str, _Trace] = {}
        self._fresh: deque[tuple[int, _Trace]] = deque()

    def __len__(self) -> int:
        """Returns how many traces are under way."""
        return len(self._open)

    def load(self, now_ms: int, state: PartitionState) -> None:
        """Begins with a state that another worker may have written."""
        self._open.clear()
        self._fresh.clear()
        self._pauses.load(state)
        self._expiry.load(now_ms, state)

    def take(self, request: bytes, key: bytes | None, at_ms: int, state: PartitionState) -> Iterator[SpanNews]:
        """Takes in a message, and yields what goes on to conversations.

        Raises:
            UnreadableRequest: if it cannot be read; then nothing of it was taken.
        """
        content = framed(request)
        for trace_id, shown in self._look(request, key).items():
            trace = self._trace(trace_id, state)
            earlier, known = trace.pieces, list(trace.ids)
            self._keep(trace_id, trace, content, at_ms, state)
            trace.ids += [one for one in shown.ids if one not in known]
            if trace.ids != known or not (earlier or known):
                self._write(trace_id, trace, state)
            if trace.step is None or (trace.ids and not known):
                self._plan(trace_id, trace, state)
            for external_id in known:
                yield SpanNews(external_id, shown.ended_of(external_id, trace.ids), at_ms, content)
            for external_id in trace.ids[len(known) :]:
                yield from self._whole(external_id, trace_id, trace, at_ms, state)

    def pass_time(self, at_ms: int, state: PartitionState) -> int:
        """Lets go of what has been quiet for long enough. Returns the time, which stands still after a pause."""
        now_ms = self._pauses.time(at_ms, state)
        self._let_go(now_ms, state)
        return now_ms

    def _let_go(self, now_ms: int, state: PartitionState) -> None:
        while self._fresh and self._fresh[0][0] + TOGETHER_MS <= now_ms:
            self._fresh.popleft()[1].tail.seal()
        for trace_id, step in self._expiry.due(now_ms, state):
            trace = self._trace(trace_id, state)
            if trace.step is not None and trace.step != step:
                continue  # it was planned again since
            if not trace.ids and not trace.pieces:
                self._open.pop(trace_id, None)
                continue
            if now_ms < trace.due_ms(self._waits):
                self._plan(trace_id, trace, state)
                continue
            drop_list(f"w/{trace_id}", trace.pieces, state)
            del self._open[trace_id]
            if trace.ids and trace.pieces:
                trace.pieces = 0
                self._write(trace_id, trace, state)
                self._expiry.plan(trace_id, trace.due_ms(self._waits), state)
            else:
                state.delete(f"t/{trace_id}")
                self._count("traces_without_id", not trace.ids)

    def _whole(
        self, external_id: str, trace_id: str, trace: _Trace, at_ms: int, state: PartitionState
    ) -> Iterator[SpanNews]:
        """Yields all messages of a trace for a conversation whose id it has just shown."""
        key = trace_id.encode()
        for kept in elements(f"w/{trace_id}", trace.pieces, state):
            content = kept[_AT:]
            shown = (self._look(request, key)[trace_id] for request in requests_of(content))
            ended = max((one.ended_of(external_id, trace.ids) for one in shown), default=RootEnded.NOTHING)
            yield SpanNews(external_id, ended, at_ms, content)

    def _keep(self, trace_id: str, trace: _Trace, content: bytes, at_ms: int, state: PartitionState) -> None:
        grown = trace.tail.grow(content, at_ms)
        if grown is None:
            trace.pieces += 1
            self._fresh.append((at_ms, trace))
        key = element_key(f"w/{trace_id}", trace.pieces - 1)
        state.set_bytes(key, _KEPT.pack(b"W", at_ms) + (grown or content))
        trace.touched_ms = at_ms

    def _trace(self, trace_id: str, state: PartitionState) -> _Trace:
        found = self._open.get(trace_id)
        if found is None:
            found = self._open[trace_id] = _read(trace_id, state)
        return found

    def _plan(self, trace_id: str, trace: _Trace, state: PartitionState) -> None:
        trace.step = self._expiry.plan(trace_id, trace.due_ms(self._waits), state)

    @staticmethod
    def _write(trace_id: str, trace: _Trace, state: PartitionState) -> None:
        state.set_bytes(f"t/{trace_id}", _KEPT.pack(b"T", trace.touched_ms) + json.dumps(trace.ids).encode())


def _read(trace_id: str, state: PartitionState) -> _Trace:
    written = state.get_bytes(f"t/{trace_id}")
    if written is None:
        return _Trace()
    ids = cast("list[str]", json.loads(written[_AT:]))
    pieces = length_of(f"w/{trace_id}", state)
    last = state.get_bytes(element_key(f"w/{trace_id}", pieces - 1)) if pieces else None
    touched_ms: int = _KEPT.unpack_from(written if last is None else last)[1]
    return _Trace(ids, pieces, touched_ms)
