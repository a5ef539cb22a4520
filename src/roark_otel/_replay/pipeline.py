"""The stages of a process without its threads: recorded traces go in, calls come out, on the caller's thread."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from typing_extensions import assert_never

from roark_otel._conversation.cleaning import sound
from roark_otel._conversation.machine import Conversations, Waits
from roark_otel._conversation.outputs import Finished, Forgotten, Late, Noticed, Reopened
from roark_otel._conversation.readers import make_readers
from roark_otel._linking.link import NotLinkable, Recorded, Unrecorded, link
from roark_otel._model.dialect import separated
from roark_otel._model.vocabulary import OpenSpans, Vocabulary
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import Redaction
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from roark_otel._model.dialect import Dialect, Unreadable
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.spans import Entry
    from roark_otel._settings.settings import Settings

MAX_IDS: Final = 100_000
"""The most external ids that are remembered, so that no second call of one is sent."""

_NO_REST: Final = 0.001
"""The quiet time in seconds. In a file, linger and quiet time are one wait, so that a call is finished once."""

_NO_OPEN_SPANS: Final = OpenSpans(attributes=lambda _: {}, record=lambda _: None)


@dataclass(frozen=True, slots=True)
class ReadyCall:
    """A call that can be sent: its id, its JSON, and the numbers of its turns and tool uses."""

    external_id: str
    body: bytes
    turns: int
    tools: int


@dataclass(frozen=True, slots=True)
class CallWithoutRecording:
    """A call that lacks a recording URL, which Roark requires."""

    external_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A conversation that makes no call because of a fault in this package, which is in the log."""

    external_id: str


Made: TypeAlias = "ReadyCall | CallWithoutRecording | FailedCall"


@dataclass(frozen=True, slots=True)
class _NoCall:
    """A conversation that is not to become a call. `reason`: the counter of `Stats` to which it belongs."""

    reason: str


class Pipeline:
    """Makes calls of the conversations in recorded spans.

    A fault costs the entry, the reader or the conversation in which it occurs. It is logged, and counted as `faults`.

    Args:
        settings: How calls are made.
        dialects: The dialects that are read, the highest first.
    """

    def __init__(self, settings: Settings, dialects: Sequence[Dialect]) -> None:
        self.vocabulary = Vocabulary(dialects, settings.external_id_keys, _NO_OPEN_SPANS)
        self.counts: Counter[str] = Counter()
        """Conversations that made no call, by the counters of `Stats`; and `faults`."""
        self.open_traces: set[int] = set()
        """The traces with a conversation that is not closed."""
        readers = partial(make_readers, separated(dialects), self._count_unreadable, self._count_fault)
        self._conversations = Conversations(
            self.vocabulary, readers, _waits(settings), auto_ids=settings.auto_external_id
        )
        self._defaults = settings.defaults()
        self._redaction = Redaction(Patterns(settings.redact_patterns))
        self._ids: OrderedDict[str, int] = OrderedDict()
        self._now = 0.0

    def take(self, entries: Iterable[Entry], now: float) -> None:
        """Takes in the entries of a trace, at this time of the spans in seconds."""
        self._now = max(self._now, now)
        for entry in entries:
            self.open_traces.add(entry.trace_id)
            if not self._take(entry):
                self._count_fault()

    def pass_time(self, now: float) -> Iterator[Made]:
        """Closes what is due at this time of the spans, after all traces that are whole by then were taken in."""
        self._now = max(self._now, now)
        if not self._expire():
            self._count_fault()
        yield from self._made()

    def end(self) -> Iterator[Made]:
        """Closes everything, at the end of the spans."""
        if not self._close_all():
            self._count_fault()
        self.open_traces.clear()
        yield from self._made()

    # As on the assembler's thread, nothing that raises ends the whole

    @guarded(False)
    def _take(self, entry: Entry) -> bool:
        self._conversations.take(sound(entry, time.time_ns()), self._now)
        return True

    @guarded(False)
    def _expire(self) -> bool:
        self._conversations.expire(self._now)
        self._conversations.expire(self._now + _NO_REST)  # what is finished is closed, and cannot go on
        return True

    @guarded(False)
    def _close_all(self) -> bool:
        self._conversations.close_idle(self._now, 0.0)
        return True

    def _made(self) -> Iterator[Made]:
        for output in self._conversations.outputs():
            match output:
                case Noticed(kind):
                    self.counts[kind] += 1
                case Forgotten(trace_id):
                    self.open_traces.discard(trace_id)
                case Finished(conversation):
                    yield from self._finish(conversation)
                case Reopened() | Late():
                    pass  # a call that was made is sent already, and what comes late is not added to it
                case _:
                    assert_never(output)

    def _finish(self, conversation: FinishedConversation) -> Iterator[Made]:
        made = self._linked(conversation)
        match made:
            case None:
                self._count_fault()
                yield FailedCall(conversation.external_id)
            case _NoCall(reason):
                self.counts[reason] += 1
            case _:
                yield made

    @guarded(None)
    def _linked(self, conversation: FinishedConversation) -> ReadyCall | CallWithoutRecording | _NoCall:
        linked = link(conversation, self._defaults, self._redaction)
        match linked:
            case NotLinkable(reason):
                return _NoCall(reason)
            case Recorded() | Unrecorded() if self._is_duplicate(conversation):
                return _NoCall("duplicates")
            case Recorded():
                return ReadyCall(linked.external_id, linked.to_json(), linked.turns, linked.tools)
            case Unrecorded():
                return CallWithoutRecording(linked.external_id, linked.to_json())
        assert_never(linked)

    def _is_duplicate(self, conversation: FinishedConversation) -> bool:
        """Returns whether another conversation of the id has made a call."""
        first = self._ids.setdefault(conversation.external_id, conversation.file_span_id)
        if len(self._ids) > MAX_IDS:
            self._ids.popitem(last=False)
        return first != conversation.file_span_id

    def _count_fault(self) -> None:
        self.counts["faults"] += 1

    def _count_unreadable(self, _found: Unreadable) -> None:
        self.counts["unreadable"] += 1


def _waits(settings: Settings) -> Waits:
    return Waits(
        settings.linger_seconds + settings.quiet_seconds,
        _NO_REST,
        settings.idle_timeout_seconds,
        settings.max_conversations,
    )
