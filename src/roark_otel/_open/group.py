"""A group: the rows of spans that belong to one conversation, as far as that is known before they are read.

    OPEN ----------> LINGERING    its roots have ended: every marked or framework's one, else every topmost span that
                                  carries the id itself. Open children are never waited for.
    LINGERING -----> OPEN         a further root of the id began, or the pass found that it goes on.
    LINGERING -----> CLOSED       the linger is over and the root is marked or a framework's: the call is finished.
    LINGERING -----> RESTING      the linger is over and the roots are implied: the call is finished, to be sent after
                                  the quiet time. Without a word or a tool use none is: back to OPEN.
    RESTING -------> OPEN         a further root of the id began; the call is held back.
    RESTING -------> LINGERING    a span came late; the call is finished again, with it.
    RESTING -------> CLOSED       the quiet time is over.
    OPEN ----------> LINGERING    its root can never end, because the app let go of it: finished as incomplete.
    OPEN ----------> CLOSED       no activity for the idle time, too many conversations (the one idle longest goes
                                  first), or exit: finished as incomplete.

A flush makes every wait of LINGERING and RESTING zero. What comes for a CLOSED group is counted, kept apart, and after
another linger read: together with the group's log while its call waits and the log is kept, and alone.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.rows import Origin, Strength
from roark_otel._open.cutting import Cutter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._open.shapes import Shapes

_OVER = 4
"""Added to the strength of a root that has ended, or never can."""


class State(Enum):
    """Where a group is in its life."""

    OPEN = "something of it goes on"
    LINGERING = "its root has ended"
    RESTING = "its call is in the spool, and a further root may join"
    CLOSED = "its call is final"


class Made(NamedTuple):
    """What is remembered of a call that was made. It is named in the spool by `file_span_id`.

    `waits`: whether it is not sent at once, so that what comes late may still go into it.
    """

    external_id: str
    trace_id: int
    root_span_id: int
    file_span_id: int
    started_ns: int
    is_framework: bool
    waits: bool = False


class Group(Cutter):
    """The log of a group, and beside it atomic values only. Waits are monotonic seconds.

    It cuts its own rows, so that the collector tracks one object of it.

    Args:
        number: Its number, which capture gave it.
        trace_id: The trace of its first row.
        shapes: The names that spans have in common.
    """

    __slots__ = (
        "activity",
        "bare_size",
        "call",
        "cost",
        "counted",
        "due",
        "external_id",
        "late",
        "log",
        "number",
        "numbers",
        "origin",
        "resource",
        "roots",
        "seen_contexts",
        "state",
        "strength",
        "touched",
        "traces",
    )

    def __init__(self, number: int, trace_id: int, shapes: Shapes) -> None:
        super().__init__(shapes)
        self.number = number
        self.numbers: tuple[int, ...] = (number,)
        self.traces: tuple[int, ...] = (trace_id,)
        self.log = bytearray()
        self.late: bytes | bytearray = b""
        self.external_id: str | None = None
        self.origin = int(Origin.AUTO)
        self.strength: int | None = None
        self.roots: dict[int, int] = {}
        self.state = State.OPEN
        self.due: float | None = None
        self.touched = 0.0
        self.activity = 0
        self.cost = 0.0
        self.counted = self.bare_size = 0
        self.resource: Mapping[str, object] | None = None
        self.seen_contexts: tuple[int, ...] = ()
        self.call: Made | None = None

    @property
    def size(self) -> int:
        """The bytes of its log, and of the texts that histories are compared with."""
        return len(self.log) + self.texts_size

    @property
    def has_bodies(self) -> bool:
        """Whether more than half of it is news since it was cut down to the ids and times of spans."""
        return self.size > 2 * self.bare_size

    @property
    def is_known(self) -> bool:
        """Whether it has an id, or a root that may yet get one; else its spans only wait for whose they are."""
        return self.external_id is not None or self.is_strong

    @property
    def is_strong(self) -> bool:
        """Whether a mark or a framework makes one of its spans a root."""
        return self.strength is not None and self.strength > Strength.IMPLIED

    @property
    def has_ended(self) -> bool:
        """Whether its roots have ended, as far as that is known: every strong one, else every implied one."""
        if self.strength is None:
            return False
        least = min(self.strength, Strength.IMPLIED + 1)
        return all(code >= _OVER for code in self.roots.values() if code & 3 >= least)

    def begin_root(self, span_id: int, strength: int) -> None:
        """Notes a root."""
        known = self.roots.get(span_id, 0)
        self.roots[span_id] = max(known & 3, strength) | (known & _OVER)
        self.strength = strength if self.strength is None else max(self.strength, strength)

    def end_root(self, span_id: int) -> bool:
        """Notes that a span has ended, or never can. Returns whether it is a root."""
        if span_id not in self.roots:
            return False
        self.roots[span_id] |= _OVER
        return True

    def has_open_root(self) -> bool:
        """Returns whether a root is open."""
        return any(code < _OVER for code in self.roots.values())

    def absorb(self, other: Group) -> None:
        """Takes in another group, which turned out to be part of the same conversation."""
        self.numbers += other.numbers
        self.traces += tuple(trace for trace in other.traces if trace not in self.traces)
        self.resource = None
        self.seen_contexts = ()
        if other.is_known:
            for span_id, code in other.roots.items():
                self.begin_root(span_id, code & 3)
                self.roots[span_id] |= code & _OVER
