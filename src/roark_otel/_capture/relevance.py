"""Which spans count: by the names of their attributes and events, each of which is looked up once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._model.vocabulary import Vocabulary

MAX_NAMES = 10_000
"""The most names of attributes and events that are remembered as relevant, and as irrelevant."""


class Relevance:
    """Remembers which names are relevant, so that a set operation settles the next span.

    Args:
        vocabulary: What the dialects know together.
    """

    __slots__ = ("_vocabulary", "irrelevant", "relevant")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.irrelevant: set[object] = set()
        self.relevant: set[object] = set()

    def has_relevant(self, names: Iterable[object]) -> bool:
        """Returns whether one of these names is relevant."""
        for name in names:
            if not isinstance(name, str) or name in self.irrelevant:
                continue
            if name in self.relevant:
                return True
            if self._vocabulary.is_relevant(name):
                if len(self.relevant) < MAX_NAMES:
                    self.relevant.add(name)
                return True
            if len(self.irrelevant) < MAX_NAMES:
                self.irrelevant.add(name)
        return False
