"""What the customer enters without speaking: keys of a telephone, and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYPAD: Final = "keypad"
TYPED: Final = "typed"

_PAUSE_NS: Final = 3_000_000_000
"""Keys pressed this long after the last belong to another entry."""


@dataclass(slots=True)
class Keys:
    """The keys pressed since the last entry was complete."""

    pressed: str = ""
    first_ns: int = 0
    last_ns: int = 0

    def are_over(self, at_ns: int) -> bool:
        """Returns whether keys were pressed, and a key that is pressed now is one of the next entry."""
        return bool(self.pressed) and at_ns - self.last_ns > _PAUSE_NS

    def press(self, key: str, at_ns: int) -> None:
        """Notes that a key was pressed."""
        self.first_ns = self.first_ns or at_ns
        self.last_ns = at_ns
        self.pressed += key

    def take(self, at_ns: int) -> tuple[str, int, int]:
        """Returns the keys, and when the first and the last were pressed; they are forgotten."""
        found = self.pressed, self.first_ns or at_ns, self.last_ns or at_ns
        self.pressed, self.first_ns, self.last_ns = "", 0, 0
        return found


@dataclass(slots=True)
class Passed:
    """The words that are on their way through the pipeline, and which processor was given them last.

    A processor between the ears and the model may hand on others in their place. Then those count.
    """

    _ways: dict[int, tuple[list[Any], int, int]] = field(default_factory=dict[int, "tuple[list[Any], int, int]"])

    def given(self, frame_id: int, pieces: list[Any], processor: object) -> None:
        """Notes that a frame with the last of these pieces was given to a processor."""
        self._ways[frame_id] = pieces, len(pieces) - 1, id(processor)
        while len(self._ways) > 16:
            del self._ways[next(iter(self._ways))]

    def passed(self, frame_id: int, processor: object, *, has_arrived: bool) -> None:
        """Notes that a frame was passed on to another processor, or has arrived where it is added to the context."""
        way = self._ways.pop(frame_id, None)
        if way is not None and not has_arrived:
            self._ways[frame_id] = way[0], way[1], id(processor)

    def replaced(self, piece: Any, frame_id: int, by: object, to: object) -> bool:  # noqa: ANN401 - a piece of any kind
        """Puts a piece in the place of one that this processor was given. Returns whether there is one."""
        for known, (pieces, index, holder) in self._ways.items():
            if holder == id(by):
                pieces[index] = piece
                del self._ways[known]
                self._ways[frame_id] = pieces, index, id(to)
                return True
        return False


def texts_of(messages: object) -> Iterator[str]:
    """Yields what the customer says in messages that are added to the context of a model."""
    for message in _objects_in(messages):
        if message.get("role") == "user" and (text := _text_of(message.get("content")).strip()):
            yield text


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content
    texts = [part.get("text") for part in _objects_in(content) if part.get("type") == "text"]
    return " ".join(text for text in texts if isinstance(text, str))


def _objects_in(value: object) -> list[dict[str, object]]:
    """Returns the mappings in a list; some messages are of a provider's own kind."""
    if not isinstance(value, (list, tuple)):
        return []
    return [cast("dict[str, object]", one) for one in cast("list[object]", value) if isinstance(one, dict)]
