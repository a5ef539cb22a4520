"""What kind of thing an object of Pipecat's is, by the names of its class and of those above it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeAlias

Frame: TypeAlias = Any
"""A frame of Pipecat's."""

Pushed: TypeAlias = Any
"""A `FramePushed`: a frame, and the processors between which it passes."""

OUTPUT: Final = "BaseOutputTransport"
INPUT: Final = "BaseInputTransport"
TO_CONTEXT: Final = "LLMUserAggregator"
KEYPAD: Final = "DTMFAggregator"
SPEECH: Final = "TTSService"
MODEL: Final = "LLMService"
CLIENT: Final = "RTVIProcessor"
QUEUE: Final = "PipelineSource"
"""Where frames begin that the app puts into a pipeline."""


@lru_cache(maxsize=512)
def _names_of(kind: Any) -> frozenset[str]:  # noqa: ANN401 - a class, which type checkers do not take for hashable
    return frozenset(one.__name__ for one in kind.__mro__)


def names_of(thing: object) -> frozenset[str]:
    """Returns the names of the class of an object and of all classes above it."""
    kind: Any = type(thing)
    return _names_of(kind)


def is_a(thing: object, name: str) -> bool:
    """Returns whether the class of an object, or one above it, has this name."""
    kind: Any = type(thing)
    return name in _names_of(kind)
