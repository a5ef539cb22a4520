"""The parts of a dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import Row, SpanName, SpanView
    from roark_otel._model.steps import Pause


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something on a span that could not be read, for a warning that never quotes the value."""

    span: SpanView | SpanName
    attribute: str
    why: str


Warn: TypeAlias = "Callable[[Unreadable], None]"
"""Takes what a reader could not read. The reader goes on with everything else."""


def once_each(warn: Warn) -> Warn:
    """Returns what warns of each attribute once. It knows no reader: a method of one would be a cycle with it."""
    warned: set[str] = set()

    def report(what: Unreadable) -> None:
        if what.attribute not in warned:
            warned.add(what.attribute)
            warn(what)

    return report


OwnId: TypeAlias = "Callable[[Mapping[str, object], int], str | None]"
"""Takes the attributes of a framework's open root and its span id; returns the framework's own id of the conversation,
or None if it is not known yet. `ROARK_AUTO_EXTERNAL_ID` makes it the external id."""


class Reader(Protocol):
    """Reads the spans of one conversation in one dialect. It lives for one pass.

    A pass makes its own readers and reads all spans of the conversation: when its root has ended, and again if more
    comes while its call rests. Spans that come after that are read by readers of their own, without the others.
    """

    def read(self, span: SpanView) -> None:
        """Takes in one span of the conversation.

        Spans come once each, in the order of their starts, and of their ids where these are equal. One that is open has
        no end, and no attributes but ids unless the dialect is `live`. An exception costs this span.

        The values of `call_attributes` come first if the dialect has a prefix for them, as a span of that name without
        a scope, whose id is negative.
        """
        ...

    def moments(self) -> Iterable[Moment]:
        """Returns what was said, used and learned, in any order. Called once, after the last span.

        An exception costs what the dialect would have said.
        """
        ...


class RowReader:
    """A reader of this package that reads rows as they are, because most of them need no view."""

    __slots__ = ()

    def read(self, span: SpanView) -> None:
        """Takes in one span of the conversation, as any reader does."""
        raise NotImplementedError

    def read_row(self, pause: Pause, given: tuple[Row, Mapping[str, object]]) -> None:
        """Takes in the row of a span, with its resource, and calls `pause` after every few events."""
        raise NotImplementedError

    def moments(self) -> Iterable[Moment]:
        """Returns what was said, used and learned, as any reader does."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Words:
    """Where the attributes of a dialect hold what people said, or what tools were given and returned.

    With `ROARK_CAPTURE_CONTENT` off, every word there is masked before the span is kept in memory. Names are matched
    by their last part: `text` stands for `response.text` too. The words of all dialects are joined, so a name or key
    here counts for the spans of every dialect.

    Args:
        names: Last parts of the names of attributes whose texts are masked.
        whole: Further last parts, which are keys of JSON values too, below which everything is masked: numbers as well
            as texts, and what `structure` would keep.
        structure: Keys of JSON values that describe how a text is built, such as `role`; their values are kept.
        states: Texts that a framework writes in the place of a result, such as `IN_PROGRESS`; they are kept.
    """

    names: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    structure: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()

    @classmethod
    def joined(cls, several: Iterable[Words]) -> Words:
        """Returns the words of several dialects as one."""
        several = tuple(several)
        return cls(
            names=frozenset(name for one in several for name in one.names),
            whole=frozenset(name for one in several for name in one.whole),
            structure=frozenset(key for one in several for key in one.structure),
            states=frozenset(text for one in several for text in one.states),
        )


@dataclass(frozen=True, slots=True)
class Harmless:
    """Which attributes of a dialect's spans may be exported where content may not.

    Without content, `ROARK_EXPORT_TRACES` exports these attributes and no others.

    Args:
        names: Names of attributes whose value is an id, a name, a number or a flag. A text that is longer than a name,
            or has several lines, is left out all the same.
        numbers: Prefixes of names under which numbers and flags may be exported: counts, times, statuses.
        private_numbers: Longer prefixes under which numbers may not, unless `names` has the name: what a tool
            returned, a telephone number.
    """

    names: frozenset[str] = frozenset()
    numbers: tuple[str, ...] = ()
    private_numbers: tuple[str, ...] = ()

    @classmethod
    def joined(cls, several: Iterable[Harmless]) -> Harmless:
        """Returns what is harmless in several dialects as one. What is private in one of them is private in all."""
        several = tuple(several)
        return cls(
            names=frozenset(name for one in several for name in one.names),
            numbers=tuple(sorted({prefix for one in several for prefix in one.numbers})),
            private_numbers=tuple(sorted({prefix for one in several for prefix in one.private_numbers})),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Dialect:
    """The vocabulary of one source of spans, with everything that the package knows of that source.

    Its reader is given the spans of its scopes, and those whose attributes, events or resource have a name with one of
    its prefixes. A dialect with neither scopes nor prefixes is given every span of a conversation.

    Args:
        name: What logs and properties call it.
        reader: Makes the reader of one pass over one conversation.
        scopes: Instrumentation scopes all of whose spans may belong to a conversation, although they carry no id. No
            generic dialect reads the spans of another dialect's scopes.
        spans: Names of the spans of its scopes that its reader reads: it is not given others. Empty: it reads all.
        prefixes: Prefixes of attribute and event names that do the same for a span of any scope.
        attributes: Names of attributes and events that its reader reads, or what they begin with if they end with a
            dot. While a conversation is open, only what a dialect that may read the span names is kept of it. None:
            everything is kept of every span that this dialect may read.
        roots: Names of spans in those scopes whose end ends the conversation.
        live: Whether an open span may be read: False where the framework filters private content only at the end.
        generic: Whether it reads conventions that any framework may use too. It is given no span of another dialect's
            scopes, and its words count only where no other dialect says any, because they repeat a voice framework's.
        own_id: Returns the framework's own id of the conversation of one of its roots.
        yields: Whether an app's own span around such a root, with the same id and open longer, is the root instead.
        words: Where its attributes hold content, which is masked with `ROARK_CAPTURE_CONTENT` off.
        harmless: Which attributes may be exported where content may not.
        distributions: The distribution on the package index of each framework that the reader names in the fact
            `property.framework`, to find the installed version.
        cures: What helps where a side that spoke has no words, by what its reader says in the facts `wordless_agent`
            and `wordless_customer`, such as `content`: for a warning.
        setters: Module and name of each function that sets the framework's own tracer provider. Auto-instrumentation
            adds its processor to whatever provider is set there; `configure` sets its provider there.
    """

    name: str
    reader: Callable[[Warn], Reader]
    scopes: frozenset[str] = frozenset()
    spans: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    attributes: tuple[str, ...] | None = None
    roots: frozenset[str] = frozenset()
    live: bool = False
    generic: bool = False
    own_id: OwnId | None = None
    yields: bool = False
    words: Words = Words()
    harmless: Harmless = Harmless()
    distributions: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    cures: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    setters: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        # Short, because it stands in the signature of the processor.
        return f"<Dialect {self.name}>"
