"""The public types: what a dialect is made of, the hooks an app may pass, and the numbers that it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from roark_otel.receipts import Delivered as Delivered
from roark_otel.receipts import Receipt as Receipt  # noqa: TC001 - public here
from roark_otel.receipts import Refused as Refused
from roark_otel.receipts import Rejected as Rejected
from roark_otel.receipts import TryAgain as TryAgain
from roark_otel.stats import Stats as Stats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from roark_otel.moments import Moment
    from roark_otel.records import SpanRecord


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something on a span that could not be read, for a warning that never quotes the value."""

    span: SpanRecord
    attribute: str
    why: str


Warn: TypeAlias = "Callable[[Unreadable], None]"
"""Where a reader says what it could not read; it goes on with everything else."""


class Reader(Protocol):
    """Reads the spans of one conversation in one dialect."""

    def read(self, span: SpanRecord) -> None:
        """Take in one span of the conversation, in whatever order spans end; ignore those of other dialects.

        A span may come again, with more on it: it then replaces what it said before.
        """
        ...

    def moments(self) -> Iterable[Moment]:
        """What was said, used and learned so far, in any order. May be asked again after further spans."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """The vocabulary of one source of spans.

    Args:
        name: What logs and properties call it.
        reader: Makes the reader of one conversation.
        scopes: Instrumentation scopes all of whose spans may belong to a conversation, although they carry no id.
        prefixes: Prefixes of attribute and event names that do the same for a span of any scope.
        roots: Names of spans in those scopes whose end ends the conversation.
        live: Whether an open span may be read: False where the framework filters private content only at the end.
        generic: Whether its words count only where no other dialect says any, because they repeat a voice framework's.
    """

    name: str
    reader: Callable[[Warn], Reader]
    scopes: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    roots: frozenset[str] = frozenset()
    live: bool = False
    generic: bool = False


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """What hooks are told about a call: never a word of it. `trace_id` is 32 hex digits, times are aware, in UTC."""

    external_id: str
    trace_id: str
    turns: int
    tools: int
    started_at: datetime
    finished_at: datetime


class NoRecording(Exception):  # noqa: N818 - it tells a fact, not a fault
    """A resolver raises it for a call that will never have a recording."""


RecordingResolver: TypeAlias = "Callable[[FinishedCall], str | None]"
"""Finds the recording's URL of a call; None for not yet (asked again with backoff, as after an exception).

It runs on a thread of its own. An attempt that takes more than 10 seconds is abandoned.
"""

ReceiptHook: TypeAlias = "Callable[[FinishedCall, Receipt], None]"
"""Told what became of each attempt to deliver a call, on the courier's thread: be quick, and hand long work on."""


@dataclass(frozen=True, slots=True)
class Attached:
    """Calls that waited have the recording now. `calls`: how many."""

    calls: int


@dataclass(frozen=True, slots=True)
class Kept:
    """No call of this id waits: the URL is kept for one that comes within a week."""
