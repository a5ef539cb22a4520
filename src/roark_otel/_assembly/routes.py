"""Which dialects read a span: those that know its scope, or a name on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._model.rows import ATTRIBUTES, EVENTS, NAME, SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel._model.dialect import Dialect
    from roark_otel._model.rows import Row

MAX_SHAPES: Final = 10_000
"""The most combinations of a scope, a span's name and names on it that are remembered."""

MAX_NAMES: Final = 64
"""The most names in such a combination."""

_NO_SCOPE: Final = "\0"

Places: TypeAlias = int
"""Several dialects as bits, the highest dialect's the lowest."""


class Routes:
    """Knows which dialects read a span. One for a whole process: most spans look like one that was seen before.

    Args:
        dialects: The dialects, the highest first.
    """

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self.dialects = tuple(dialects)
        self.have_read: set[Dialect] = set()
        """Those that have made a reader."""
        self._own_scopes = frozenset(scope for one in dialects if not one.generic for scope in one.scopes)
        self._by_shape: dict[tuple[object, ...], Places] = {}
        self._by_event: dict[tuple[object, ...], Places] = {}

    def of(self, row: Row) -> Places:
        """Returns the dialects that read a span."""
        scope = row[SCOPE]
        # Which spans a dialect reads of its own scopes depends on their names.
        shape = scope, row[NAME] if scope in self._own_scopes else "", *row[ATTRIBUTES]
        found = self._by_shape.get(shape)
        if found is None:
            found = self._remembered(self._by_shape, shape)
        at, size = EVENTS, len(row)
        last: object = self
        while at < size:
            if row[at] is not last:  # most events of a span have one name
                last = row[at]
                event = scope, "", last
                known = self._by_event.get(event)
                found |= self._remembered(self._by_event, event) if known is None else known
            at += 3 + 2 * row[at + 2]
        return found

    def of_names(self, names: Iterable[object]) -> Places:
        """Returns the dialects that read attributes of these names, of no span of a known scope."""
        shape = _NO_SCOPE, "", *names
        found = self._by_shape.get(shape)
        return self._remembered(self._by_shape, shape) if found is None else found

    def _remembered(self, known: dict[tuple[object, ...], Places], shape: tuple[object, ...]) -> Places:
        scope, name, *names = shape
        found = self._places(str(scope), str(name), names)
        if len(known) < MAX_SHAPES and len(names) < MAX_NAMES:
            known[shape] = found
        return found

    def _places(self, scope: str, name: str, names: Iterable[object]) -> Places:
        texts = tuple(each for each in names if isinstance(each, str))
        return sum(1 << place for place, one in enumerate(self.dialects) if self._reads(one, scope, name, texts))

    def _reads(self, dialect: Dialect, scope: str, name: str, names: tuple[str, ...]) -> bool:
        if dialect.generic and scope in self._own_scopes:
            return False
        if scope in dialect.scopes and (not dialect.spans or name in dialect.spans):
            return True
        if not (dialect.scopes or dialect.prefixes or scope == _NO_SCOPE):
            return True
        return bool(dialect.prefixes) and any(name.startswith(dialect.prefixes) for name in names)
