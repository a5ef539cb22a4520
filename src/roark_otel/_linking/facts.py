"""Sorts out the facts of a conversation: which of several values of one name holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from roark_otel._linking.participants import merged
from roark_otel._linking.timeline import cut
from roark_otel._model.formats import MAX_PROPERTY, snake_case
from roark_otel._model.moments import Agent, Customer, Fact

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from roark_otel._model.finished import FinishedConversation

_P = TypeVar("_P", Agent, Customer)


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a conversation, of each name those of the highest dialect that reports it, the latest first."""

    by_name: Mapping[str, tuple[Fact, ...]]

    @classmethod
    def of(cls, conversation: FinishedConversation) -> Facts:
        """Sorts out the facts of a conversation."""
        by_name: dict[str, tuple[Fact, ...]] = {}
        for _, moments in conversation.moments:
            reported: dict[str, list[Fact]] = {}
            for one in moments:
                if isinstance(one, Fact):
                    reported.setdefault(one.name, []).append(one)
            for name, facts in reported.items():
                latest = sorted(facts, key=lambda fact: (fact.time_ns, fact.span_id, repr(fact.value)), reverse=True)
                # Participants add up over dialects; of everything else the highest dialect's word is final.
                by_name[name] = (*by_name.get(name, ()), *latest)
        return cls(by_name)

    def get(self, name: str) -> object:
        """Returns the value of a fact; None if it was not reported."""
        return self.by_name[name][0].value if name in self.by_name else None

    def text(self, name: str) -> str | None:
        """Returns the value of a fact if it is text."""
        found = self.get(name)
        return found if isinstance(found, str) else None

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
        """Returns the facts named `property.<name>`, with their keys in snake_case."""
        found: dict[str, str | bool | int | float] = {}
        for name in sorted(self.by_name):
            if name.startswith("property."):
                found[snake_case(name.removeprefix("property."))] = _scalar(self.get(name))
        return found


def _is_of_root(fact: Fact, root_span_id: int) -> bool:
    """Returns whether a fact is the whole call's: ids up to 0 are those of the resource and of `call_attributes`."""
    return fact.span_id <= 0 or fact.span_id == root_span_id


def _scalar(value: object) -> str | bool | int | float:
    if isinstance(value, (bool, int, float)):
        return value
    return cut(value if isinstance(value, str) else json.dumps(value, default=str), MAX_PROPERTY)
