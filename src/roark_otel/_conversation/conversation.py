"""One conversation from its first span to its call: its id, its roots, and the readers that its spans are fed to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, TypeAlias

from roark_otel._model import reading
from roark_otel._model.finished import Ended, Ending, Errored, FinishedConversation, NeverEnded
from roark_otel._model.moments import Fact
from roark_otel._model.spans import SpanRecord
from roark_otel.attributes import EXTERNAL_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.dialect import Reader
    from roark_otel._model.moments import Moment
    from roark_otel._model.spans import SpanStart

MAX_CONTEXTS = 64
"""The most different `call_attributes` of one conversation that are read; further ones would repeat them."""

MAX_WAITING = 1_000
"""The most spans of a trace that wait until an id shows; further ones are counted as dropped."""

Readers: TypeAlias = "tuple[tuple[str, Reader], ...]"


class Origin(IntEnum):
    """Where an id came from, the weakest first."""

    AUTO = 0
    RESOURCE = 1
    BAGGAGE = 2
    CONTEXT = 3
    SPAN = 4


class Strength(IntEnum):
    """What makes a span a root, the weakest first."""

    IMPLIED = 0
    DIALECT = 1
    MARKED = 2


class State(Enum):
    """Where a conversation is in its life."""

    OPEN = "something of it goes on"
    LINGERING = "its root has ended"
    RESTING = "its call is in the spool, and a further root may join"
    CLOSED = "its call is final"


@dataclass(slots=True)
class Root:
    """A span whose end ends the conversation. Times are ns since the epoch, `above` the ids of the spans around it."""

    trace_id: int
    span_id: int
    start_ns: int
    strength: Strength
    above: frozenset[int] = frozenset()
    end_ns: int | None = None
    ending: Ending = field(default_factory=NeverEnded)
    is_abandoned: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or never can: the app has let go of it."""
        return self.end_ns is not None or self.is_abandoned


class Conversation:
    """The spans and moments of one external id and one root. Times are ns since the epoch, waits monotonic seconds."""

    __slots__ = (
        "_contexts",
        "_file_span_id",
        "_first_ns",
        "_last_ns",
        "_merged_into",
        "_readers",
        "_waiting",
        "dropped_spans",
        "due",
        "external_id",
        "linked",
        "missed_events",
        "origin",
        "resource",
        "roots",
        "state",
        "touched",
        "trace_ids",
    )

    def __init__(self, readers: Readers, resource: Mapping[str, object]) -> None:
        self.external_id: str | None = None
        self.origin = Origin.AUTO
        self.state = State.OPEN
        self.due: float | None = None
        self.touched = 0.0
        self.resource = resource
        self.roots: dict[int, Root] = {}
        self.trace_ids: dict[int, None] = {}
        self.dropped_spans = 0
        self.missed_events = 0
        self.linked: set[int] = set()
        self._first_ns: int | None = None
        self._last_ns = 0
        self._readers: list[Readers] = [readers]
        self._waiting: list[SpanRecord] = []
        self._contexts: dict[int, Mapping[str, object]] = {}
        self._merged_into: Conversation | None = None
        self._file_span_id: int | None = None

    # What it is

    def current(self) -> Conversation:
        """This conversation, or the one that took it in."""
        found = self
        while found._merged_into is not None:
            found = found._merged_into
        return found

    def named(self, external_id: str, origin: Origin) -> None:
        """Gives the conversation its id, or the same id from a stronger origin."""
        self.external_id = external_id
        self.origin = max(self.origin, origin)

    @property
    def strong_root(self) -> Root | None:
        """The root that a mark or a framework makes one, the strongest first."""
        root = self.root
        return root if root is not None and root.strength > Strength.IMPLIED else None

    @property
    def root(self) -> Root | None:
        """The root that gives the call its start: the strongest, then the first."""
        return min(self.roots.values(), key=lambda root: (-root.strength, root.start_ns, root.span_id), default=None)

    @property
    def is_fragment(self) -> bool:
        """Whether another process owns the conversation: here its id is known from baggage only."""
        return self.origin is Origin.BAGGAGE and self.strong_root is None

    @property
    def has_ended(self) -> bool:
        """Whether its root has ended: the strong one, else every implied one."""
        if strong := self.strong_root:
            return strong.is_over
        return bool(self.roots) and all(root.is_over for root in self.roots.values())

    # What it reads

    def saw(self, start_ns: int, end_ns: int | None) -> None:
        """Notes when something of the conversation happened."""
        self._first_ns = start_ns if self._first_ns is None else min(self._first_ns, start_ns)
        self._last_ns = max(self._last_ns, start_ns if end_ns is None else end_ns)

    def read(self, record: SpanRecord) -> None:
        """Feeds a span to the readers; until it is known whose it is, it waits."""
        self.saw(record.start_ns, record.end_ns)
        if record.span_id > 0 and EXTERNAL_ID in record.attributes:
            self.linked.add(record.trace_id)
        if self.is_known:
            self._feed(record)
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append(record)
        else:
            self.dropped_spans += 1

    @property
    def is_known(self) -> bool:
        """Whether it has an id, or a root that may yet get one; else its spans only wait for whose they are."""
        return self.external_id is not None or self.strong_root is not None

    def _feed(self, record: SpanRecord) -> None:
        for _, reader in self._readers[0]:
            reader.read(record)

    def _feed_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for record in waiting:
            self._feed(record)

    def read_context(self, start: SpanStart) -> None:
        """Feeds what `call_attributes` says where a span starts, once.

        Its record has an id below 0: it stands beside the resource, above no span.
        """
        if id(start.context) in self._contexts or len(self._contexts) >= MAX_CONTEXTS:
            return
        self._contexts[id(start.context)] = start.context
        self.read(
            SpanRecord(
                trace_id=start.trace_id,
                span_id=-len(self._contexts),
                parent_id=None,
                scope="",
                name="call_attributes",
                start_ns=start.start_ns,
                end_ns=start.start_ns,
                attributes=start.context,
            )
        )

    def absorb(self, other: Conversation) -> None:
        """Takes in another conversation, which turned out to be the same."""
        other._merged_into = self
        # One reader that sees all spans says more than two that see some.
        self._waiting += other._waiting
        if other.is_known:
            self._readers += other._readers
        self.roots |= other.roots
        self.trace_ids |= other.trace_ids
        self.dropped_spans += other.dropped_spans
        self.missed_events += other.missed_events
        self.linked |= other.linked
        if other._first_ns is not None:
            self.saw(other._first_ns, other._last_ns)

    # What it reports

    def moments(self) -> tuple[tuple[str, tuple[Moment, ...]], ...]:
        """What the readers say, by dialect, the highest first."""
        self._feed_waiting()
        by_dialect: dict[str, list[Moment]] = {}
        for readers in self._readers:
            for name, reader in readers:
                by_dialect.setdefault(name, []).extend(reader.moments())
        return tuple((name, tuple(said)) for name, said in by_dialect.items())

    def own_id(self) -> str:
        """Returns an id for a conversation without one: its framework's own id of it, else its trace id."""
        facts = (one for _, moments in self.moments() for one in moments if isinstance(one, Fact))
        own = (fact.value for fact in facts if fact.name == "own_id")
        return next((value for value in own if isinstance(value, str)), f"{next(iter(self.trace_ids), 0):032x}")

    def says_something(self) -> bool:
        """Whether anything was said or any tool used."""
        return any(not isinstance(one, Fact) for _, moments in self.moments() for one in moments)

    def finish(self) -> FinishedConversation | None:
        """The finished conversation; None if it has no id, or nothing was said and no root makes a call of silence."""
        if self.external_id is None or not (self.strong_root or self.says_something()):
            return None
        root = self.root
        if self._file_span_id is None:
            # Without a root its first trace distinguishes it from another conversation of the id.
            self._file_span_id = root.span_id if root else next(iter(self.trace_ids), 0) & (2**64 - 1)
        service = reading.text(self.resource.get("service.name"))
        return FinishedConversation(
            external_id=self.external_id,
            trace_id=root.trace_id if root else next(iter(self.trace_ids), 0),
            root_span_id=root.span_id if root else 0,
            file_span_id=self._file_span_id,
            started_ns=root.start_ns if root else self._first_ns or 0,
            ended_ns=self._ended_ns(),
            ending=self._ending(),
            moments=self.moments(),
            service_name=service if service and not service.startswith("unknown_service") else None,
            notes=self._notes(),
        )

    def read_late(self, readers: Readers) -> None:
        """Gives a closed conversation readers for what comes late."""
        self._readers = [readers]

    def let_go(self) -> None:
        """Frees what only an open conversation needs."""
        self._readers, self._waiting, self._contexts = [()], [], {}
        self.trace_ids = {}

    def _ended_ns(self) -> int:
        """The end of the strong root, or of the last implied one; while one is open, the last that was seen."""
        ends = [one.end_ns for one in ([self.strong_root] if self.strong_root else self.roots.values())]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else self._last_ns

    def _ending(self) -> Ending:
        if not self.has_ended:
            return NeverEnded()
        return max(
            self.roots.values(),
            key=lambda root: (root.strength, root.is_abandoned, root.end_ns or 0, root.span_id),
        ).ending

    def _is_linked(self) -> bool:
        """Whether each of its traces shows the id, on a span or on the resource."""
        return EXTERNAL_ID in self.resource or self.linked.issuperset(self.trace_ids)

    def _notes(self) -> dict[str, int | bool]:
        notes: dict[str, int | bool] = {
            "roark_dropped_spans": self.dropped_spans,
            "roark_dropped_events": self.missed_events,
            "roark_unlinked": not self._is_linked(),
        }
        return {name: value for name, value in notes.items() if value}


def ending_of(record: SpanRecord) -> Ending:
    """How a root ended, by its status and the exceptions that it recorded."""
    if not record.error:
        return Ended()
    types = (event.attributes.get("exception.type") for event in record.events if event.name == "exception")
    return Errored(tuple(found for found in types if isinstance(found, str)))
