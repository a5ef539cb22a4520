"""What the dialects in use know together: which spans are relevant, which are roots, where an external id is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel import attributes
from roark_otel._model.rows import Strength

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from roark_otel._model.dialect import Dialect, OwnId

_DIALECT, _MARKED = int(Strength.DIALECT), int(Strength.MARKED)


_ALWAYS = ("service.name", "exception", "exception.", "roark.")
"""What is read of the spans of any dialect."""


def _joined(dialects: Sequence[Dialect]) -> frozenset[str]:
    return frozenset(name for one in dialects for name in one.attributes or ())


class Vocabulary:
    """The scopes, names and roots of several dialects.

    Args:
        dialects: The dialects.
        id_keys: Further names of attributes to take the external id from, in order, after `roark.external_id`.
        auto_ids: Whether a framework's conversation without an external id gets one.
    """

    def __init__(
        self,
        dialects: Sequence[Dialect],
        id_keys: Iterable[str] = (),
        *,
        auto_ids: bool = False,
    ) -> None:
        self.scopes: frozenset[str] = frozenset().union(*(dialect.scopes for dialect in dialects))
        self.id_keys: tuple[str, ...] = (attributes.EXTERNAL_ID, *id_keys)
        self.generic: frozenset[str] = frozenset(dialect.name for dialect in dialects if dialect.generic)
        self._prefixes = tuple({attributes.PREFIX, *(prefix for dialect in dialects for prefix in dialect.prefixes)})
        self.roots: dict[str, frozenset[str]] = {
            scope: frozenset(name for d in dialects if scope in d.scopes for name in d.roots) for scope in self.scopes
        }
        """The names of roots, by scope."""
        self._roots = frozenset((scope, name) for d in dialects for scope in d.scopes for name in d.roots)
        kept = None if any(one.attributes is None for one in dialects) else _joined(dialects)
        self._kept = None if kept is None else frozenset({*kept, *_ALWAYS, *self.id_keys})
        self._kept_prefixes = tuple(name for name in self._kept or () if name.endswith("."))
        self._yielding: frozenset[str] = frozenset().union(*(d.scopes for d in dialects if d.yields))
        self._closed_scopes: frozenset[str] = frozenset().union(*(d.scopes for d in dialects if not d.live))
        self._own_ids: dict[tuple[str, str], OwnId] = {
            (scope, name): d.own_id for d in dialects for scope in d.scopes for name in d.roots if auto_ids and d.own_id
        }

    def strength(self, scope: str, name: object, *, marked: bool) -> int | None:
        """Returns what makes a span a root, the value of a `Strength`; None if nothing does."""
        if marked:
            return _MARKED
        return _DIALECT if scope in self.scopes and (scope, name) in self._roots else None

    def is_root(self, scope: str, name: str) -> bool:
        """Returns whether the end of a span of this scope and name ends a conversation."""
        return (scope, name) in self._roots

    def yields(self, scope: str) -> bool:
        """Returns whether a root of this scope yields to an app's own span around it."""
        return scope in self._yielding

    def own_id(self, scope: str, name: str) -> OwnId | None:
        """Returns the function that reads a root's own id; None if such a span is not a root, or gets no id."""
        return self._own_ids.get((scope, name)) if self._own_ids else None

    def is_relevant(self, name: object) -> bool:
        """Returns whether an attribute or event of this name makes its span relevant."""
        return isinstance(name, str) and (name.startswith(self._prefixes) or name in self.id_keys)

    def keeps(self, name: object) -> bool:
        """Returns whether a dialect may read an attribute of this name, or an event."""
        if self._kept is None:
            return isinstance(name, str)
        return isinstance(name, str) and (name in self._kept or name.startswith(self._kept_prefixes))

    def may_be_read_open(self, scope: str) -> bool:
        """Returns whether an open span of this scope may be read."""
        return scope not in self._closed_scopes

    def external_id(self, span_attributes: Mapping[str, object]) -> object:
        """Returns the external id among these attributes, unchecked; None if there is none."""
        for key in self.id_keys:
            if (found := span_attributes.get(key)) is not None:
                return found
        return None
