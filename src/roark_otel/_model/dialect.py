"""What a dialect is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from roark_otel._model.moments import Moment
    from roark_otel._model.spans import SpanRecord


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something on a span that could not be read, for a warning that never quotes the value."""

    span: SpanRecord
    attribute: str
    why: str


Warn: TypeAlias = "Callable[[Unreadable], None]"
"""Where a reader says what it could not read; it goes on with everything else."""


OwnId: TypeAlias = "Callable[[Mapping[str, object], int], str | None]"
"""From the attributes of a framework's open root and its span id: what the framework calls the conversation, if it is
known already. `ROARK_AUTO_EXTERNAL_ID` makes that its external id."""


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
        own_id: What the framework calls the conversation of one of its roots.
        yields: Whether an app's own span around such a root, with the same id and open longer, is the root instead.
    """

    name: str
    reader: Callable[[Warn], Reader]
    scopes: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    roots: frozenset[str] = frozenset()
    live: bool = False
    generic: bool = False
    own_id: OwnId | None = None
    yields: bool = False
