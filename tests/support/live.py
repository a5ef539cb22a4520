"""An engine without threads and files: the SDK's spans through capture, groups and passes, with a clock of its own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from roark_otel._assembly.assemble import Rules
from roark_otel._assembly.routes import Routes
from roark_otel._capture.call_context import with_call_attributes
from roark_otel._capture.capture import Capture
from roark_otel._capture.hooks import end_hook, start_hook
from roark_otel._capture.inbox import Inbox
from roark_otel._engine.acceptance import Acceptance
from roark_otel._engine.assembler import Assembler
from roark_otel._engine.calls import Calls
from roark_otel._engine.pace import Pace
from roark_otel._engine.passes import Passes
from roark_otel._engine.saver import NoSaver
from roark_otel._engine.written import Written
from roark_otel._linking.defaults import Defaults
from roark_otel._model.moments import Utterance
from roark_otel._model.stats import Tally
from roark_otel._model.steps import STEP
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open.groups import Groups
from roark_otel._open.rows_in import RowsIn
from roark_otel._open.schedule import Waits
from roark_otel._open.taken import Taken
from roark_otel._open.verdicts import Closed, Forgotten
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import Redaction
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage
from roark_otel._spool.spool import Spool
from roark_otel.attributes import CONVERSATION_ROOT, EXTERNAL_ID
from roark_otel.dialects.livekit import LIVEKIT
from roark_otel.dialects.roark import ROARK
from support.helpers import MS, SECOND, T0

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.trace import Tracer

    from roark_otel._linking.link import Linked, NotLinkable
    from roark_otel._model.finished import FinishedConversation
    from roark_otel.types import Dialect

NOTHING: Mapping[str, Any] = {}
WAITS = Waits(linger=2.0, quiet=60.0, idle=3_600.0, conversations=3)
"""Few conversations, so that a test can have too many."""

HELD = 14_400.0
"""How long a call that goes on is held back, in seconds."""


@dataclass(frozen=True)
class Finished:
    """A conversation was read, and its call may be sent after `rest` seconds."""

    conversation: FinishedConversation
    linked: Linked
    rest: float


@dataclass(frozen=True)
class Reopened:
    """A conversation goes on, and its call is held back."""

    external_id: str


@dataclass(frozen=True)
class Late:
    """What came after a call was made was read by itself."""

    conversation: FinishedConversation


@dataclass(frozen=True)
class Noticed:
    """Something was counted."""

    kind: str


Output: TypeAlias = "Finished | Reopened | Late | Noticed"


@dataclass(frozen=True, slots=True)
class _Unwritten(Written):
    """A call that is not written, with what it was made of."""

    finished: Finished


class _Calls(Calls):
    """Keeps conversations instead of spooling their calls."""

    def __init__(self, outputs: list[Output]) -> None:
        self._outputs = outputs

    def hold_back(self, call: Written) -> bool:
        self._outputs.append(Reopened(call.header.external_id))
        return False

    def drop(self, name: str) -> None:
        pass

    def forget(self, name: str) -> None:
        pass

    def hand_on(self) -> None:
        pass

    def written(self, conversation: FinishedConversation, linked: Linked) -> Written | NotLinkable:
        header = Header(conversation.external_id, "", 0.0, 0.0, 0, 0)
        return _Unwritten("", header, b"", Stage.READY, 0.0, (), Finished(conversation, linked, 0.0))

    def put(self, call: Written, rest: float) -> bool:
        assert isinstance(call, _Unwritten)
        self._outputs.append(replace(call.finished, rest=rest))
        return False

    def add_late(self, conversation: FinishedConversation, again: Linked | None = None) -> bool:  # noqa: ARG002
        self._outputs.append(Late(conversation))
        return False


class _Tally(Tally):
    """Keeps what is counted in order, among the conversations."""

    def __init__(self, outputs: list[Output]) -> None:
        super().__init__()
        self._outputs = outputs

    def add(self, name: str, number: int = 1, *, error_type: str | None = None) -> None:
        super().add(name, number, error_type=error_type)
        self._outputs.extend([Noticed(name)] * number)


class _Ids(IdGenerator):
    """Gives the ids that the next span is to have."""

    trace_id = 1
    span_id = 1

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class Captures(SpanProcessor):
    """Hands spans to a capture: most go the short way, as in an engine whose threads run."""

    is_awake = True

    def __init__(self, capture: Capture) -> None:
        self._on_start = start_hook(capture, capture.on_start)
        self._on_end = end_hook(capture, self, capture.on_end)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        self._on_end(span)


class Live:
    """An engine with a clock, and the spans that an app holds.

    Args:
        dialects: The dialects that are read, the highest first.
        waits: The waits and bounds.
        auto_ids: Whether a framework's conversation without an id gets one.
        id_keys: Further names of attributes to take the external id from.
        processors: How many processors report each span.
        limits: The SDK's limits of spans.
        inbox: The inbox, if it is to be another one.
        is_eager: Whether what capture leaves is taken in at once, each entry by itself.
        warn_of: Called with what a reader could not read.
    """

    def __init__(
        self,
        dialects: Sequence[Dialect] = (ROARK, LIVEKIT),
        waits: Waits | None = None,
        *,
        auto_ids: bool = False,
        id_keys: Sequence[str] = (),
        processors: int = 1,
        limits: SpanLimits | None = None,
        inbox: Inbox | None = None,
        is_eager: bool = True,
        warn_of: Callable[[object], None] = lambda _: None,
    ) -> None:
        self.now = 0.0
        self.spans: dict[int, Span] = {}
        self.forgotten: list[int] = []
        self._outputs: list[Output] = []
        self._processors, self._limits = processors, limits
        self._ids = _Ids()
        self._providers: dict[tuple[object, ...], TracerProvider] = {}
        self._tracers: dict[tuple[object, ...], Tracer] = {}
        self.vocabulary = Vocabulary(dialects, id_keys, auto_ids=auto_ids)
        self.inbox = Inbox() if inbox is None else inbox
        self._is_eager = is_eager
        self.capture = Capture(self.vocabulary, self.inbox)
        self.branches = self.capture.branches
        self.groups = Groups(self.vocabulary, RowsIn(self.vocabulary), waits or Waits(), self.branches.activity)
        self._tally = _Tally(self._outputs)
        self.rules = Rules(
            vocabulary=self.vocabulary,
            routes=Routes(dialects),
            defaults=Defaults(),
            redaction=Redaction(Patterns(())),
            auto_ids=auto_ids,
            warn=warn_of,
            count_fault=lambda: self._tally.add("faults"),
        )
        calls = _Calls(self._outputs)
        spool = Spool(None, 0)
        self._passes = Passes(
            self.groups,
            self.capture.open_rows,
            lambda: self.rules,
            lambda: calls,
            spool,
            self._tally,
            Acceptance(None),
            lambda: None,
        )

    def __len__(self) -> int:
        """The number of conversations that are not closed."""
        self.drain()
        return len(self.groups)

    def close(self) -> None:
        """Lets go of the tracer providers."""
        for provider in self._providers.values():
            provider.shutdown()

    # What the app does

    def start(
        self,
        span_id: int,
        parent_id: int | None = None,
        *,
        trace_id: int = 1,
        scope: str = "app",
        name: str = "span",
        external_id: object = None,
        marked: bool = False,
        context: Mapping[str, Any] = NOTHING,
        baggage_id: object = None,
        carried: Mapping[str, str] = NOTHING,
        resource: Mapping[str, Any] = NOTHING,
        start_ns: int | None = None,
        attributes: Mapping[str, Any] = NOTHING,
    ) -> Span:
        """Starts a span; its id is its start in ms after `T0`, unless another is given."""
        found = dict(attributes)
        if external_id is not None:
            found[EXTERNAL_ID] = external_id
        if marked:
            found[CONVERSATION_ROOT] = True
        around = with_call_attributes(context)[0] if context else Context()
        if baggage_id is not None:
            around = baggage.set_baggage(EXTERNAL_ID, baggage_id, around)
        for key, value in carried.items():
            around = baggage.set_baggage(key, value, around)
        if parent_id is not None:
            around = set_span_in_context(self.spans[parent_id], around)
        self._ids.trace_id, self._ids.span_id = trace_id, span_id
        tracer = self.tracer(resource, scope)
        start_ns = T0 + span_id * MS if start_ns is None else start_ns
        span: Any = tracer.start_span(name, around, attributes=found, start_time=start_ns)
        self.spans[span_id] = span
        self._acted()
        return span

    def tracer(self, resource: Mapping[str, Any], scope: str) -> Tracer:
        """Returns a tracer whose spans are captured."""
        key = (*resource.items(), scope)
        found = self._tracers.get(key)
        if found is None:
            found = self._tracers[key] = self.provider(resource).get_tracer(scope)
        return found

    def provider(self, resource: Mapping[str, Any]) -> TracerProvider:
        """Returns the tracer provider of a resource."""
        key = tuple(resource.items())
        found = self._providers.get(key)
        if found is None:
            found = self._providers[key] = TracerProvider(
                resource=Resource(resource), id_generator=self._ids, span_limits=self._limits, shutdown_on_exit=False
            )
            for _ in range(self._processors):
                found.add_span_processor(Captures(self.capture))
        return found

    def set(self, span_id: int, key: str, value: Any) -> None:
        """Sets an attribute of an open span."""
        self.spans[span_id].set_attribute(key, value)

    def say(self, span_id: int, *texts: str, first: int = 0) -> None:
        """The agent says something on an open span; `first` is the number of these words on the span."""
        for number, text in enumerate(texts, first):
            at = T0 + (span_id * 10 + number) * MS
            self.spans[span_id].add_event("roark.transcript", {"role": "agent", "text": text}, at)

    def end(self, span_id: int, *said: str, error: bool = False, exception: str | None = None) -> None:
        """Ends a span with these utterances on it, a second after its start."""
        self.say(span_id, *said)
        span = self.spans.pop(span_id)
        if exception:
            span.add_event("exception", {"exception.type": exception}, T0)
        if error:
            span.set_status(Status(StatusCode.ERROR))
        span.end((span.start_time or 0) + SECOND)
        self._acted()

    def let_go(self, span_id: int) -> None:
        """Lets go of an open span, so that it can never end."""
        del self.spans[span_id]
        self._acted()

    # What the assembler's thread does

    def assembler(self) -> Assembler:
        """Returns an assembler with a thread of its own, which then does this instead."""
        pace = Pace()
        return Assembler(self.inbox, self.groups, self.capture, self._passes, NoSaver(), self._tally, pace)

    def _acted(self) -> None:
        if self._is_eager:
            self.drain()

    def drain(self) -> None:
        """Takes in what capture has left."""
        while (entries := self.inbox.pop(STEP)) is not None:
            assert isinstance(entries, list)
            self.groups.take_all(entries, self.now, T0)
            self.groups.pack()

    def take(self, entry: tuple[Any, ...]) -> None:
        """Takes in one entry of the inbox."""
        self.groups.take(entry, self.now, T0)

    def after(self, seconds: float) -> list[Output]:
        """Moves the clock. Returns what came of it since the last time."""
        self.now += seconds
        self.drain()
        self.branches.open.sweep()
        self.groups.expire(self.now, self.capture.open_rows.has_open)
        return self.read_due()

    def flush(self) -> list[Output]:
        """Makes every wait zero."""
        self.drain()
        self.groups.schedule.flush()
        return self.read_due()

    def close_idle(self, idle: float) -> list[Output]:
        """Has what was idle for `idle` seconds closed."""
        self.drain()
        self.groups.schedule.close_idle(self.now, idle)
        return self.read_due()

    def read_due(self) -> list[Output]:
        """Reads what is due."""
        while self._passes.run_due(self.now):
            pass
        for output in self.groups.outputs():
            match output:
                case Forgotten(trace_id):
                    self.branches.open.forget_trace(trace_id)
                    self.forgotten.append(trace_id)
                case Closed(number):
                    self.branches.forget_group(number)
                case _:
                    self._tally.add(output.kind)
        found = list(self._outputs)
        self._outputs.clear()
        return found


def open_ids(live: Live) -> list[int]:
    """Returns the ids of the open spans that capture knows, branches first."""
    live.branches.open.sweep()
    homes = list(live.branches.homes.values())
    roots = [home.span_id for home in homes if home.is_open]
    return roots + [span_id for home in homes for span_id in (*home.below, *(home.places or ()))]


def texts(output: Output) -> list[str]:
    """Returns the utterances of a finished conversation."""
    assert isinstance(output, Finished)
    return [one.text for _, moments in output.conversation.moments for one in moments if isinstance(one, Utterance)]


def kinds(outputs: Iterable[Output]) -> list[str]:
    """Returns what was counted among these."""
    return [one.kind for one in outputs if isinstance(one, Noticed)]


def sizes(live: Live) -> dict[str, int]:
    """Returns how much is in every collection that an engine keeps, by the collection's name; of logs, the bytes."""
    owners: dict[str, object] = {
        "inbox": live.inbox,
        "branches": live.branches,
        "branches.open": live.branches.open,
        "groups": live.groups,
        "groups.places": live.groups.places,
        "groups.schedule": live.groups.schedule,
    }
    found = {
        f"{name}.{key}": len(value) + sum(len(one) for one in value.values() if isinstance(one, (dict, tuple)))
        if isinstance(value, dict)
        else len(value)
        for name, owner in owners.items()
        for key, value in vars(owner).items()
        if isinstance(value, (dict, set, list, deque, Taken)) and value is not live.groups._outputs
    }
    for branch in {id(one): one for one in (*live.branches.homes.values(), *live.branches._first.values())}.values():
        for key in ("below", "places", "ids", "unnamed"):
            found[f"branch.{key}"] = found.get(f"branch.{key}", 0) + len(getattr(branch, key) or ())
    for group in {id(one): one for one in live.groups.places.by_number.values()}.values():
        for key in ("log", "late", "roots", "seen_contexts"):
            found[f"group.{key}"] = found.get(f"group.{key}", 0) + len(getattr(group, key))
    return found
