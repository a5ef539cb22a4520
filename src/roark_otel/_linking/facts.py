"""Sorts out the facts of a conversation: which of several values of one name holds."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cmp_to_key
from typing import TYPE_CHECKING, TypeVar

from roark_otel._linking.ordering import is_later
from roark_otel._linking.participants import merged
from roark_otel._model import reading
from roark_otel._model.formats import MAX_PROPERTY, snake_case
from roark_otel._model.moments import Agent, Customer, Fact
from roark_otel._model.sizes import cut
from roark_otel._model.steps import in_steps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from roark_otel._linking.merging import Report
    from roark_otel._model.steps import Pause

_K = TypeVar("_K")
_P = TypeVar("_P", Agent, Customer)


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a conversation, of each name those of the highest dialect that reports it, the latest first.

    What cannot add anything is left out: earlier facts of one name, and of participants those that are equal.
    """

    by_name: Mapping[str, tuple[Fact, ...]]

    @classmethod
    def of(cls, several: Iterable[Report], root_span_id: int, pause: Pause) -> Facts:
        """Sorts out the facts of a conversation."""
        by_name: dict[str, tuple[Fact, ...]] = {}
        for report in several:
            latest: dict[str, Fact] = {}
            people: dict[tuple[str, object, bool], Fact] = {}
            for fact in in_steps(report.facts, pause):
                if isinstance(fact.value, (Agent, Customer)):
                    _keep_later(people, (fact.name, fact.value, _is_of_root(fact, root_span_id)), fact)
                else:
                    _keep_later(latest, fact.name, fact)
            for name, fact in latest.items():
                by_name.setdefault(name, (fact,))
            # Participants add up over dialects; of everything else the highest dialect's word is final.
            for fact in sorted(people.values(), key=_HOLDS_FIRST):
                by_name[fact.name] = (*by_name.get(fact.name, ()), fact)
        return cls(by_name)

    def get(self, name: str) -> object:
        """Returns the value of a fact; None if it was not reported."""
        return self.by_name[name][0].value if name in self.by_name else None

    def text(self, name: str) -> str | None:
        """Returns the value of a fact if it is text."""
        found = self.get(name)
        return reading.unicode_text(found) if isinstance(found, str) else None

    def one_of(self, name: str, known: Collection[str]) -> str | None:
        """Returns the value of a fact if it is one of these words."""
        found = self.text(name)
        return found if found in known else None

    def integer(self, name: str, default: int) -> int:
        """Returns the value of a fact if it is an integer, else the default."""
        found = self.get(name)
        return found if isinstance(found, int) else default

    def participant(self, name: str, empty: _P, root_span_id: int | None) -> _P:
        """Merges the facts of one participant: all of them, or only those of root, `call_attributes` and resource."""
        whole = empty
        for fact in self.by_name.get(name, ()):
            if isinstance(fact.value, type(empty)) and (root_span_id is None or _is_of_root(fact, root_span_id)):
                whole = merged(whole, fact.value)
        return whole

    def elsewhere(self, name: str, root_span_id: int) -> list[Agent]:
        """Returns the agents that only spans below the root name."""
        facts = self.by_name.get(name, ())
        return [one.value for one in facts if isinstance(one.value, Agent) and not _is_of_root(one, root_span_id)]

    def properties(self) -> dict[str, str | bool | int | float]:
        """Returns the facts named `property.<name>`, with their keys in snake_case, but for numbers that JSON lacks."""
        found: dict[str, str | bool | int | float] = {}
        for name in sorted(self.by_name):
            if name.startswith("property.") and (value := _scalar(self.get(name))) is not None:
                found[snake_case(name.removeprefix("property."))] = value
        return found


def _is_of_root(fact: Fact, root_span_id: int) -> bool:
    """Returns whether a fact is the whole call's: ids up to 0 are those of the resource and of `call_attributes`."""
    return fact.span_id <= 0 or fact.span_id == root_span_id


def _keep_later(kept: dict[_K, Fact], key: _K, fact: Fact) -> None:
    known = kept.get(key)
    if known is None or is_later(fact, known):
        kept[key] = fact


def _compared(one: Fact, other: Fact) -> int:
    return -1 if is_later(one, other) else int(is_later(other, one))


_HOLDS_FIRST = cmp_to_key(_compared)


def _scalar(value: object) -> str | bool | int | float | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return cut(value, MAX_PROPERTY)
    try:
        return cut(json.dumps(value, default=str), MAX_PROPERTY)
    except Exception:  # noqa: BLE001 - a value may be an object of any class
        return None
