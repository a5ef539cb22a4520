"""Which dialects read a span: those that know its scope, or a name on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._model.rows import ATTRIBUTES, EVENTS, SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel._model.dialect import Dialect
    from roark_otel._model.rows import Row

MAX_SHAPES: Final = 10_000
"""The most combinations of a scope and names that are remembered."""

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
        self._own_scopes = frozenset(scope for one in dialects if not one.generic for scope in one.scopes)
        self._by_shape: dict[tuple[object, ...], Places] = {}
        self._by_event: dict[tuple[object, ...], Places] = {}

    def of(self, row: Row) -> Places:
        """Returns the dialects that read a span."""
        scope = row[SCOPE]
        shape = scope, *row[ATTRIBUTES]
        found = self._by_shape.get(shape)
        if found is None:
            found = self._remembered(self._by_shape, shape)
        at, size = EVENTS, len(row)
        while at < size:
            event = scope, row[at]
            known = self._by_event.get(event)
            found |= self._remembered(self._by_event, event) if known is None else known
            at += 3 + 2 * row[at + 2]
        return found

    def of_names(self, names: Iterable[object]) -> Places:
        """Returns the dialects that read attributes of these names, of no span of a known scope."""
        shape = _NO_SCOPE, *names
        found = self._by_shape.get(shape)
        return self._remembered(self._by_shape, shape) if found is None else found

    def _remembered(self, known: dict[tuple[object, ...], Places], shape: tuple[object, ...]) -> Places:
        scope, *names = shape
        found = self._places(str(scope), names)
        if len(known) < MAX_SHAPES and len(names) < MAX_NAMES:
            known[shape] = found
        return found

    def _places(self, scope: str, names: Iterable[object]) -> Places:
        texts = tuple(name for name in names if isinstance(name, str))
        return sum(1 << place for place, one in enumerate(self.dialects) if self._reads(one, scope, texts))

    def _reads(self, dialect: Dialect, scope: str, names: tuple[str, ...]) -> bool:
        if dialect.generic and scope in self._own_scopes:
            return False
        if scope in dialect.scopes or not (dialect.scopes or dialect.prefixes or scope == _NO_SCOPE):
            return True
        return bool(dialect.prefixes) and any(name.startswith(dialect.prefixes) for name in names)
