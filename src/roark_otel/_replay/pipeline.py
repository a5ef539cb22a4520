"""The core without a process around it: traces go in, calls come out, on the caller's thread."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from typing_extensions import assert_never

from roark_otel._conversation.cleaning import sound
from roark_otel._conversation.machine import Conversations, Waits
from roark_otel._conversation.outputs import Finished, Forgotten, Noticed
from roark_otel._linking.link import NotLinkable, Recorded, Unrecorded, link
from roark_otel._model.dialect import separated
from roark_otel._model.vocabulary import OpenSpans, Vocabulary
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import Redaction
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from roark_otel._conversation.conversation import Readers
    from roark_otel._model.dialect import Dialect, Unreadable
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.spans import Entry
    from roark_otel._settings.settings import Settings

MAX_IDS: Final = 100_000
"""So many external ids are remembered, to send no second call of one."""

_NO_REST: Final = 0.001
"""Seconds. In a file linger and quiet time are one wait, so that a call is finished once."""

_NO_OPEN_SPANS: Final = OpenSpans(attributes=lambda _: {}, record=lambda _: None)


@dataclass(frozen=True, slots=True)
class ReadyCall:
    """A call that can be sent: its id, its JSON, and how many turns and tool uses it has."""

    external_id: str
    body: bytes
    turns: int
    tools: int


@dataclass(frozen=True, slots=True)
class CallWithoutRecording:
    """A call that lacks a recording URL, which Roark requires."""

    external_id: str
    body: bytes


Made: TypeAlias = "ReadyCall | CallWithoutRecording"


class Core:
    """Conversations of recorded spans.

    Args:
        settings: How calls are made.
        dialects: The dialects that are read, the highest first.
    """

    def __init__(self, settings: Settings, dialects: Sequence[Dialect]) -> None:
        self.vocabulary = Vocabulary(dialects, settings.external_id_keys, _NO_OPEN_SPANS)
        self.counts: Counter[str] = Counter()
        """What became of conversations that made no call, by the counters of `Stats`."""
        self.open_traces: set[int] = set()
        """The traces whose conversations are not all closed."""
        self._dialects = separated(dialects)
        self._conversations = Conversations(
            self.vocabulary, self._readers, _waits(settings), auto_ids=settings.auto_external_id
        )
        self._defaults = settings.defaults()
        self._redaction = Redaction(Patterns(settings.redact_patterns))
        self._ids: OrderedDict[str, int] = OrderedDict()
        self._now = 0.0

    def take(self, entries: Iterable[Entry], now: float) -> Iterator[Made]:
        """Takes in the entries of a trace, as of this time of the spans in seconds; yields the calls that are done."""
        self._now = max(self._now, now)
        for entry in entries:
            self.open_traces.add(entry.trace_id)
            self._take(entry)
        yield from self.pass_time(self._now)

    def pass_time(self, now: float) -> Iterator[Made]:
        """Closes what is due at this time of the spans."""
        self._now = max(self._now, now)
        self._conversations.expire(self._now)
        yield from self._made()

    def end(self) -> Iterator[Made]:
        """Closes everything: there are no more spans."""
        self._conversations.close_idle(self._now, 0.0)
        self.open_traces.clear()
        yield from self._made()

    @guarded(None)
    def _take(self, entry: Entry) -> None:
        self._conversations.take(sound(entry, time.time_ns()), self._now)

    def _made(self) -> Iterator[Made]:
        for output in self._conversations.outputs():
            if isinstance(output, Noticed):
                self.counts[output.kind] += 1
            elif isinstance(output, Forgotten):
                self.open_traces.discard(output.trace_id)
            elif isinstance(output, Finished) and (made := self._linked(output.conversation)) is not None:
                yield made

    def _linked(self, conversation: FinishedConversation) -> Made | None:
        known = self._ids.setdefault(conversation.external_id, conversation.file_span_id)
        if known != conversation.file_span_id:
            self.counts["duplicates"] += 1
            return None
        if len(self._ids) > MAX_IDS:
            self._ids.popitem(last=False)
        linked = link(conversation, self._defaults, self._redaction)
        match linked:
            case NotLinkable(reason):
                self.counts[reason] += 1
                return None
            case Recorded():
                call = linked.call
                turns, tools = len(call.transcript or ()), len(call.tool_invocations or ())
                return ReadyCall(call.external_id, call.to_json(), turns, tools)
            case Unrecorded():
                return CallWithoutRecording(linked.call.external_id, linked.call.to_json())
        assert_never(linked)

    def _readers(self) -> Readers:
        return tuple((dialect.name, dialect.reader(self._unreadable)) for dialect in self._dialects)

    def _unreadable(self, _found: Unreadable) -> None:
        self.counts["unreadable"] += 1


def _waits(settings: Settings) -> Waits:
    return Waits(
        settings.linger_seconds + settings.quiet_seconds,
        _NO_REST,
        settings.idle_timeout_seconds,
        settings.max_conversations,
    )
