"""The open spans of conversations' traces, held by weak references: one that an app never ends is freed with the app's.

Each open span is known to its branch, and the branches of a trace to its first one, its home. What is kept here is of
no use after a span's end, and does not outlive it.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, TypeAlias

from roark_otel._capture.branch import Branch
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel._capture.branch import AtStart, Opened


Ended: TypeAlias = "tuple[Branch, AtStart | None, bool]"
"""What was known of a span that has ended: the branch that it opened, or the one that it was in; what only its start
showed, None if that is nothing; whether another span began below it, so that its end leaves an edge between them."""


class OpenSpans:
    """Knows the open spans of each trace, and to which branch each belongs.

    Any app thread may change it at any time, so each step is one that the interpreter does not interrupt.
    """

    def __init__(self) -> None:
        self.homes: dict[int, Branch] = {}
        """The first branch of each trace: where spans below no known one belong."""
        self._left: dict[int, tuple[Branch, ...]] = {}
        self._has_dead = False
        self.on_death = self._on_death  # one object for all weak references

    @guarded(None)
    def _on_death(self, _: weakref.ref[Any]) -> None:
        """The app has let go of an open span: it can never end. Runs wherever that happens, so it only takes a note."""
        self._has_dead = True

    # A span begins

    def note(self, span: object, home: Branch, branch: Branch, span_id: int, at_start: AtStart | None) -> None:
        """Notes an open span in a branch."""
        try:
            opened = weakref.ref(span, self.on_death)
        except TypeError:
            return  # a span of a type that knows no weak references is known when it ends
        self.place(home, branch, span_id)
        branch.below[span_id] = opened if at_start is None else (opened, at_start, False)
        branch.activity += 1

    def place(self, home: Branch, branch: Branch, span_id: int) -> None:
        """Notes that an open span is in another branch than its trace's first."""
        if branch is not home and home.places is not None:
            home.places[span_id] = branch

    def note_parent(self, branch: Branch, span_id: int) -> None:
        """Notes that another span began below an open one."""
        opened = branch.below.get(span_id)
        if opened is not None and not isinstance(opened, Branch):
            branch.below[span_id] = _weak(opened), _at_start(opened), True

    # Which are open

    def branch_of(self, home: Branch | None, trace_id: int, span_id: int) -> Branch | None:
        """Returns the branch that an open span opened or is in; None if it is not known to be open."""
        if home is None and trace_id not in self._left:
            return None
        found = self._find(home, trace_id, span_id)
        return None if found is None else found[1]

    def _find(self, home: Branch | None, trace_id: int, span_id: int) -> tuple[Branch, Branch] | None:
        """Returns the home that knows an open span, and the branch that the span opened or is in."""
        left = self._left.get(trace_id)
        for one in (home,) if left is None else (home, *left):
            if one is not None:
                branch = (one.places or {}).get(span_id, one)
                if span_id in branch.below or (branch.is_open and branch.span_id == span_id):
                    return one, branch
        return None

    def find(self, trace_id: int, span_id: int) -> tuple[weakref.ref[Any], AtStart | None] | None:
        """Returns an open span, and what only its start showed; None if it is not known to be open."""
        branch = self.branch_of(self.homes.get(trace_id), trace_id, span_id)
        if branch is None:
            return None
        opened = branch if branch.span_id == span_id else branch.below.get(span_id)
        return None if opened is None else (_weak(opened), _at_start(opened))

    def below(self, branch: Branch) -> Iterator[tuple[weakref.ref[Any], AtStart | None]]:
        """Yields the open spans from a branch on, with what only the start of each showed.

        Those of the branches below that are of the same group are among them.
        """
        if branch.is_open:
            yield branch, branch.at_start
        for opened in branch.below.copy().values():
            if isinstance(opened, Branch):
                yield from self.below(opened)
            elif _weak(opened)() is not None:
                yield _weak(opened), _at_start(opened)

    # A span has ended

    def end(self, home: Branch | None, trace_id: int, span_id: int) -> Ended | None:
        """Lets go of a span. Returns what was known of it; None if its start was not seen."""
        found = self._find(home, trace_id, span_id)
        if found is None:
            return None
        home, branch = found
        if branch.span_id == span_id:
            self._remove(home, branch.outer, span_id)
            return branch, branch.at_start, True
        opened = branch.below.get(span_id)
        self._remove(home, branch, span_id)
        if opened is None:
            return None
        return branch, _at_start(opened), isinstance(opened, tuple) and opened[2]

    def remove(self, branch: Branch) -> None:
        """Lets go of a branch whose span can never end."""
        found = self._find(self.homes.get(branch.trace_id), branch.trace_id, branch.span_id)
        if found is not None:
            self._remove(found[0], branch.outer, branch.span_id)

    def _remove(self, home: Branch, branch: Branch | None, span_id: int) -> None:
        if branch is not None:
            branch.below.pop(span_id, None)
        if home.places:
            of = home.places.pop(span_id, home)
            if home.remembers:
                of.remember(span_id)

    # For the assembler

    def sweep(self) -> None:
        """Lets go of what can never end, and of traces that were forgotten when their last spans are over."""
        if self._has_dead:
            self._has_dead = False
            for home in self.homes.copy().values():
                self._sweep(home)
        for trace_id in list(self._left):
            self._tidy(trace_id, ())

    def forget_trace(self, trace_id: int) -> None:
        """Nothing new is waited for in this trace. What is open is known until it has ended."""
        home = self.homes.pop(trace_id, None)
        if home is not None:
            self._tidy(trace_id, (home,))

    def _tidy(self, trace_id: int, more: tuple[Branch, ...]) -> None:
        left = (*self._left.get(trace_id, ()), *more)
        for home in left:
            self._sweep(home)
        if left := tuple([home for home in left if home.is_open or home.below or home.places]):
            self._left[trace_id] = left
        else:
            self._left.pop(trace_id, None)

    def _sweep(self, home: Branch) -> None:
        branches = {id(branch): branch for branch in (home, *(home.places or {}).copy().values())}
        for branch in branches.values():
            for span_id, opened in branch.below.copy().items():
                if _weak(opened)() is None:
                    self._remove(home, branch, span_id)


def _weak(opened: Opened) -> weakref.ref[Any]:
    return opened[0] if isinstance(opened, tuple) else opened


def _at_start(opened: Opened) -> AtStart | None:
    return opened.at_start if isinstance(opened, Branch) else opened[1] if isinstance(opened, tuple) else None
