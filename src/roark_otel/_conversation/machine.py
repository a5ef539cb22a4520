"""The conversation state machine: when a conversation begins to end, rests, and is closed.

It is fed the entries of the inbox and the (monotonic) time in seconds, and answers with outputs; it has no thread, no
clock and no file. Which conversation a span belongs to is decided in `ownership`.

    OPEN ----------> LINGERING    its root has ended: the marked or the framework's one, else every topmost span that
                                  carries the id itself. Open children are never waited for.
    LINGERING -----> OPEN         a further root of the id began.
    LINGERING -----> CLOSED       the linger is over and the root is marked or a framework's: the call is finished.
    LINGERING -----> RESTING      the linger is over and the roots are implied: the call is finished, to be sent after
                                  the quiet time. Without a word or a tool use nothing is: back to OPEN.
    RESTING -------> OPEN         a further root of the id began; the call is held back.
    RESTING -------> LINGERING    a span came late; the call is finished again, with it.
    RESTING -------> CLOSED       the quiet time is over.
    OPEN ----------> LINGERING    its root can never end, because the app let go of it: finished as incomplete.
    OPEN ----------> CLOSED       no activity for the idle time, too many conversations (the one idle longest goes
                                  first), or exit: finished as incomplete.

A flush makes every wait of LINGERING and RESTING zero. A fragment, whose id comes from baggage only, is closed without
a call: the process that owns it makes one.

What comes for a CLOSED conversation is counted, read by readers of its own, and after another linger reported as late.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count, islice
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._conversation.conversation import Conversation, Readers, State, Strength, ending_of
from roark_otel._conversation.outputs import Finished, Forgotten, Late, Noticed, Output, Reopened
from roark_otel._conversation.ownership import Ownership
from roark_otel._conversation.tree import Node, Trace
from roark_otel._model.finished import Ended
from roark_otel._model.spans import Entry, EventsSeen, SpanAbandoned, SpanGone, SpanRecord, SpanStart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.vocabulary import Vocabulary

MAX_TAKEN = 1_024
"""The most ends that are remembered, to take none twice."""

LEAST_KEPT_SECONDS = 1.0
"""The shortest that a trace without activity is kept, also where the quiet time is shorter."""

MAX_LOOKED_AT = 1_000
"""The most conversations that are searched for one without an id, to close it first."""


@dataclass(frozen=True, slots=True)
class Waits:
    """The waits of conversations in seconds, and how many there may be."""

    linger: float = 2.0
    quiet: float = 60.0
    idle: float = 14_400.0
    conversations: int = 10_000


class Conversations:
    """All conversations of a process. Not thread-safe: one thread owns it.

    Args:
        vocabulary: What the dialects know together.
        make_readers: Makes the readers of a conversation.
        waits: Its waits and bounds.
        auto_ids: Whether a voice framework's conversation without an id gets one.
    """

    def __init__(
        self, vocabulary: Vocabulary, make_readers: Callable[[], Readers], waits: Waits, *, auto_ids: bool = False
    ) -> None:
        self._vocabulary = vocabulary
        self._make_readers = make_readers
        self._waits = waits
        self._traces: OrderedDict[int, Trace] = OrderedDict()
        self._ownership = Ownership(vocabulary, self._traces, self._begin, self._drop, self._emit, auto_ids=auto_ids)
        self._open: OrderedDict[Conversation, None] = OrderedDict()
        self._due: list[tuple[float, int, Conversation]] = []
        self._order = count()
        self._taken: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._outputs: list[Output] = []
        self._late: dict[Conversation, None] = {}

    def __len__(self) -> int:
        """How many conversations are not closed."""
        return len(self._open)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is open, and nothing late waits to be reported."""
        return not self._open and not self._late

    def outputs(self) -> list[Output]:
        """What has come of it since the last time."""
        found, self._outputs = self._outputs, []
        return found

    # What comes in

    def take(self, entry: Entry, now: float) -> None:
        """Takes in one entry of the inbox."""
        trace = self._trace(entry.trace_id, now)
        match entry:
            case SpanStart():
                self._take_start(trace, entry, now)
            case SpanRecord():
                self._take_end(trace, entry, now)
            case SpanGone():
                self._take_gone(trace, entry, now)
            case EventsSeen():
                if node := trace.nodes.get(entry.span_id):
                    node.add_events(entry.first, entry.events)
            case SpanAbandoned():
                self._take_abandoned(trace, entry, now)
            case _:
                assert_never(entry)

    def _take_start(self, trace: Trace, start: SpanStart, now: float) -> None:
        if start.span_id in trace.nodes:
            return  # a second processor saw it too
        if trace.is_crowded():
            trace.prune(self._vocabulary.is_held)
        conversation = self._ownership.at_start(trace, trace.begin(start), start)
        if conversation.state is not State.CLOSED:
            conversation.saw(start.start_ns, None)
            if start.context:
                conversation.read_context(start)
            self._touch(conversation, now)

    def _take_end(self, trace: Trace, record: SpanRecord, now: float) -> None:
        if self._was_taken(record):
            return  # a second processor saw it too
        node = trace.node_of(record)
        conversation = self._ownership.at_end(trace, node, record)
        if conversation.state is State.CLOSED:
            self._emit(Noticed("late_spans", conversation.external_id, record.name))
            self._take_late(node, conversation, record, now)
        else:
            record, missed = node.with_events(record)
            conversation.missed_events += missed
            conversation.read(record)
            self._touch(conversation, now)
            if conversation.state is State.RESTING:
                self._linger(conversation, now)
        self._span_ended(trace, node, conversation, record, now)

    def _take_late(self, node: Node, conversation: Conversation, record: SpanRecord, now: float) -> None:
        """A span of a closed conversation is read by readers that know nothing else of it."""
        if conversation.external_id is None or conversation.is_fragment:
            return
        if conversation.due is None:
            conversation.read_late(self._make_readers())
            self._late[conversation] = None
            self._wait(conversation, State.CLOSED, now + self._waits.linger)
        conversation.read(node.with_events(record)[0])

    def _was_taken(self, record: SpanRecord) -> bool:
        """Returns whether this end came before; two processors report it one right after the other."""
        key = record.trace_id, record.span_id
        if key in self._taken:
            return True
        self._taken[key] = None
        if len(self._taken) > MAX_TAKEN:
            self._taken.popitem(last=False)
        return False

    def _take_gone(self, trace: Trace, gone: SpanGone, now: float) -> None:
        node = trace.nodes.get(gone.span_id)
        if node is None:
            return
        self._ownership.ask_ancestors(trace, node)
        conversation = node.owner() or (trace.rest.current() if trace.rest else None)
        if conversation is not None:
            conversation.dropped_spans += gone.dropped
            if gone.dropped:
                self._emit(Noticed("dropped_spans", conversation.external_id))
            self._span_ended(trace, node, conversation, gone, now)
        trace.nodes.pop(gone.span_id, None)

    def _take_abandoned(self, trace: Trace, abandoned: SpanAbandoned, now: float) -> None:
        """Reads an open span that can never end; if it was a root, its conversation begins to end."""
        node, record = trace.nodes.pop(abandoned.span_id, None), abandoned.record
        if node is None:
            return
        if record is not None:
            conversation = self._ownership.at_end(trace, node, record)
            if conversation.state is not State.CLOSED:
                conversation.read(node.with_events(record)[0])
        node.close()
        owner = node.owner()
        root = None if owner is None else owner.roots.get(node.span_id)
        if owner is None or root is None or owner.state is State.CLOSED:
            return
        root.is_abandoned = True
        self._linger(owner, now)

    def _span_ended(
        self, trace: Trace, node: Node, conversation: Conversation, end: SpanRecord | SpanGone, now: float
    ) -> None:
        """Notes that a span is no longer open. If it was a root, its conversation may have ended."""
        trace.nodes.pop(node.span_id, None)
        node.close()
        root = conversation.roots.get(node.span_id)
        if root is None or conversation.state is State.CLOSED:
            return
        root.end_ns = end.end_ns
        root.ending = ending_of(end) if isinstance(end, SpanRecord) else Ended()
        self._linger(conversation, now)

    def _touch(self, conversation: Conversation, now: float) -> None:
        """There was activity; a further root may have begun with it."""
        conversation.touched = now
        self._open.move_to_end(conversation)
        if conversation.due is None or conversation.has_ended:
            return
        if conversation.state is State.RESTING and (finished := self._finished(conversation)) is not None:
            self._emit(Reopened(finished))
        conversation.state, conversation.due = State.OPEN, None

    def _linger(self, conversation: Conversation, now: float) -> None:
        """Its root has ended, or something came late; the linger itself is never prolonged."""
        if conversation.has_ended and conversation.state is not State.LINGERING:
            self._wait(conversation, State.LINGERING, now + self._waits.linger)

    def _wait(self, conversation: Conversation, state: State, due: float) -> None:
        conversation.state, conversation.due = state, due
        heappush(self._due, (due, next(self._order), conversation))

    def _trace(self, trace_id: int, now: float) -> Trace:
        trace = self._traces.get(trace_id)
        if trace is None:
            trace = self._traces[trace_id] = Trace(trace_id)
        trace.touched = now
        self._traces.move_to_end(trace_id)
        return trace

    def _begin(self, resource: Mapping[str, object]) -> Conversation:
        while len(self._open) >= self._waits.conversations:
            self._give_up(self._least_missed())
        conversation = Conversation(self._make_readers(), resource)
        self._open[conversation] = None
        return conversation

    def _least_missed(self) -> Conversation:
        """The conversation idle longest, of those without an id if there are: a chat app's must not end calls."""
        longest = list(islice(self._open, MAX_LOOKED_AT))
        return next((one for one in longest if not one.is_known), longest[0])

    # What time brings

    def expire(self, now: float) -> None:
        """Does what is due."""
        while self._due and self._due[0][0] <= now:
            due, _, conversation = heappop(self._due)
            if conversation.due != due:
                continue  # it went on in the meantime
            if conversation.state is State.CLOSED:
                self._report_late(conversation)
            elif conversation.state is State.RESTING:
                self._close(conversation)
            else:
                self._finish(conversation, now, self._waits.quiet)
        while self._open and now - (oldest := next(iter(self._open))).touched >= self._waits.idle:
            self._give_up(oldest)
        kept = max(self._waits.quiet, LEAST_KEPT_SECONDS)
        while self._traces and now - (trace := next(iter(self._traces.values()))).touched >= kept:
            self._forget_or_keep(trace, now)

    def flush(self, now: float) -> None:
        """Finishes every conversation whose root has ended."""
        # Those that turn out to be part of another must be so before that one is finished.
        for conversation in [one for one in self._open if one.due is not None]:
            self._ownership.resolve(conversation)
        for conversation in [one for one in self._open if one.due is not None]:
            self._finish(conversation, now, 0.0)
        for conversation in list(self._late):
            self._report_late(conversation)

    def close_idle(self, now: float, idle: float) -> None:
        """Flushes, and closes as incomplete what has had no activity for `idle` seconds."""
        self.flush(now)
        for conversation in [one for one in self._open if now - one.touched >= idle]:
            self._give_up(conversation)

    def _finish(self, conversation: Conversation, now: float, quiet: float) -> None:
        """Finishes a conversation whose root has ended."""
        conversation = self._resolve(conversation)
        if not conversation.has_ended:
            return  # it turned out to be part of one that goes on
        if conversation.external_id is None or conversation.is_fragment:
            self._report_unsent(conversation)
            self._close(conversation)
            return
        finished = self._finished(conversation)
        if finished is None:
            conversation.state, conversation.due = State.OPEN, None
        elif quiet and conversation.strong_root is None:
            self._emit(Finished(finished, quiet))
            self._wait(conversation, State.RESTING, now + quiet)
        else:
            self._emit(Finished(finished, 0.0))
            self._close(conversation)

    def _give_up(self, conversation: Conversation) -> None:
        """Finishes a conversation whatever its root does."""
        if conversation.state is State.CLOSED:
            return
        conversation = self._resolve(conversation)
        finished = None if conversation.is_fragment else self._finished(conversation)
        if finished is not None:
            self._emit(Finished(finished, 0.0))
        else:
            self._report_unsent(conversation)
        self._close(conversation)

    def _report_late(self, conversation: Conversation) -> None:
        """Reports what came after a conversation was closed, without what generic dialects repeat of a framework."""
        conversation.due = None
        self._late.pop(conversation, None)
        finished = self._finished(conversation)
        conversation.let_go()
        if finished is not None:
            root = conversation.strong_root
            mute = self._vocabulary.generic if root and root.strength is Strength.DIALECT else frozenset[str]()
            heard = tuple((name, said) for name, said in finished.moments if name not in mute)
            self._emit(Late(replace(finished, moments=heard)))

    def _finished(self, conversation: Conversation) -> FinishedConversation | None:
        finished = conversation.finish()
        return None if finished is None else replace(finished, generic=self._vocabulary.generic)

    def _resolve(self, conversation: Conversation) -> Conversation:
        resolved = self._ownership.resolve(conversation)
        self._read_open_spans(resolved)
        return resolved

    def _read_open_spans(self, conversation: Conversation) -> None:
        """Open spans may hold the last words."""
        for trace in [self._traces[trace_id] for trace_id in conversation.trace_ids]:
            for node in trace.nodes.values():
                if node.live is None or (node.owner() or (trace.rest and trace.rest.current())) is not conversation:
                    continue
                record = self._vocabulary.open_span(node.live)
                if record is not None:
                    conversation.read(node.with_events(record)[0])

    def _report_unsent(self, conversation: Conversation) -> None:
        """Reports why nothing is sent, where a call might be expected."""
        root = conversation.strong_root
        if conversation.is_fragment:
            self._emit(Noticed("fragments", conversation.external_id))
        elif conversation.external_id is None and (root is not None or conversation.says_something()):
            resource_id = self._vocabulary.external_id(conversation.resource)
            kind = "second_roots" if resource_id else "no_id" if root else "unattributed"
            self._emit(Noticed(kind, None))
        elif conversation.external_id is not None:
            self._emit(Noticed("empty", conversation.external_id))

    def _close(self, conversation: Conversation) -> None:
        self._drop(conversation)
        self._ownership.close(conversation)
        conversation.let_go()

    def _drop(self, conversation: Conversation) -> None:
        conversation.state, conversation.due = State.CLOSED, None
        self._open.pop(conversation, None)

    def _forget_or_keep(self, trace: Trace, now: float) -> None:
        trace.prune(self._vocabulary.is_held)
        if not trace.nodes:
            # No span of theirs is open that an id could still come to.
            for conversation in [one for one in trace.open_conversations() if not one.is_known]:
                if not any(self._traces[trace_id].nodes for trace_id in conversation.trace_ids):
                    self._give_up(conversation)
        if trace.open_conversations():
            self._trace(trace.trace_id, now)
        else:
            del self._traces[trace.trace_id]
            self._emit(Forgotten(trace.trace_id))

    def _emit(self, output: Output) -> None:
        self._outputs.append(output)
