"""What the dialects in use know together: which spans are relevant, which are roots, where an external id is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from roark_otel import attributes
from roark_otel._model.rows import STATUS_DESCRIPTION, Strength

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from roark_otel._model.dialect import Dialect, OwnId

_DIALECT, _MARKED = int(Strength.DIALECT), int(Strength.MARKED)


_ALWAYS = ("service.name", "exception", "exception.", STATUS_DESCRIPTION, "roark.")
"""What is read of the spans of any dialect."""


_Kept: TypeAlias = "tuple[frozenset[str] | None, tuple[str, ...]]"
"""Names of attributes that are kept, None if all are; and what such names begin with."""


def _kept(dialects: Sequence[Dialect], others: Iterable[str]) -> _Kept:
    if any(one.attributes is None for one in dialects):
        return None, ()
    names = frozenset({*others, *(name for one in dialects for name in one.attributes or ())})
    return names, tuple(name for name in names if name.endswith("."))


def _may_read(dialect: Dialect, scope: str) -> bool:
    """Returns whether a dialect may read spans of a scope that is a dialect's own."""
    return not dialect.generic and (scope in dialect.scopes or bool(dialect.prefixes) or not dialect.scopes)


class Vocabulary:
    """The scopes, names and roots of several dialects.

    Args:
        dialects: The dialects.
        id_keys: Further names of attributes to take the external id from, in order, after `roark.external_id`.
        auto_ids: Whether a framework's conversation without an external id gets one.
        id_from_baggage: Whether the id of W3C baggage names the conversation of a root.
    """

    def __init__(
        self,
        dialects: Sequence[Dialect],
        id_keys: Iterable[str] = (),
        *,
        auto_ids: bool = False,
        id_from_baggage: bool = False,
    ) -> None:
        self.id_from_baggage = id_from_baggage
        self.scopes: frozenset[str] = frozenset().union(*(dialect.scopes for dialect in dialects))
        self.id_keys: tuple[str, ...] = tuple(dict.fromkeys((attributes.EXTERNAL_ID, *id_keys)))
        self.generic: frozenset[str] = frozenset(dialect.name for dialect in dialects if dialect.generic)
        self.prefixes = tuple({attributes.PREFIX, *(prefix for dialect in dialects for prefix in dialect.prefixes)})
        """What the names of relevant attributes and events begin with."""
        self.roots: dict[str, frozenset[str]] = {
            scope: frozenset(name for d in dialects if scope in d.scopes for name in d.roots) for scope in self.scopes
        }
        """The names of roots, by scope."""
        self.root_names: frozenset[str] = frozenset().union(*self.roots.values())
        self._roots = frozenset((scope, name) for d in dialects for scope in d.scopes for name in d.roots)
        always = (*_ALWAYS, *self.id_keys)
        self.own_scopes: frozenset[str] = frozenset().union(*(d.scopes for d in dialects if not d.generic))
        """The scopes whose spans no generic dialect reads."""
        self._kept_of: dict[str, _Kept] = {
            scope: _kept([d for d in dialects if _may_read(d, scope)], always) for scope in self.own_scopes
        }
        self._kept_elsewhere = _kept(dialects, always)
        self.cures: dict[tuple[str, str], str] = {
            (d.name, why): cure for d in dialects for why, cure in d.cures.items()
        }
        """What helps where words are missing, by dialect and by why they are."""
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
        return isinstance(name, str) and (name.startswith(self.prefixes) or name in self.id_keys)

    def keeps(self, name: object, scope: str = "") -> bool:
        """Returns whether a dialect may read an attribute of this name, or an event, on a span of this scope."""
        if not isinstance(name, str):
            return False
        names, prefixes = self._kept_of.get(scope, self._kept_elsewhere)
        return names is None or name in names or name.startswith(prefixes)

    def may_be_read_open(self, scope: str) -> bool:
        """Returns whether an open span of this scope may be read."""
        return scope not in self._closed_scopes

    def external_id(self, span_attributes: Mapping[str, object]) -> object:
        """Returns the external id among these attributes, unchecked; None if there is none."""
        for key in self.id_keys:
            if (found := span_attributes.get(key)) is not None:
                return found
        return None
