"""Draws a call as a line from left to right, with a mark where something happened."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from roark_otel.cli.demo.timeline import Stretch, clock


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters to draw with.

    Attributes:
        bar: Something happens.
        rest: Nothing happens.
        both: Two speakers talk at once.
        result: Precedes what a tool returned.
        error: Precedes what it failed with.
        cut: Follows the words of a speaker who was interrupted.
    """

    bar: str
    rest: str
    both: str
    result: str
    error: str
    cut: str


_FINE = Marks("━", "·", "╋", "→", "✗", "—")
_PLAIN = Marks("=", ".", "#", "->", "!", "-")


def marks_for(encoding: str) -> Marks:
    """Returns the finest marks that an encoding can write."""
    try:
        "".join((_FINE.bar, _FINE.rest, _FINE.both, _FINE.result, _FINE.error, _FINE.cut)).encode(encoding)
    except UnicodeEncodeError:
        return _PLAIN
    return _FINE


class Lane:
    """The line of one call.

    Args:
        length_ms: The length of the call in milliseconds.
        width: The length of the line in characters.
        marks: The characters to draw with.
    """

    def __init__(self, length_ms: int, width: int, marks: Marks) -> None:
        self._length_ms = max(1, length_ms)
        self._width = width
        self._marks = marks

    def ends(self) -> str:
        """Returns the caption above the line: the times at which the call begins and ends."""
        start, end = clock(0)[:-4], clock(self._length_ms)[:-4]
        return f"{start}{end:>{self._width - len(start)}}"

    def drawn(self, when: Stretch, over: Stretch | None, style: str) -> Text:
        """Draws the line with a stretch on it.

        Args:
            when: The stretch.
            over: The part of it in which the other speaker was still talking.
            style: The rich style of the stretch.
        """
        line = self._with(Text(self._marks.rest * self._width, "dim"), when, self._marks.bar, style)
        return line if over is None else self._with(line, over, self._marks.both, "bold yellow")

    def _with(self, line: Text, when: Stretch, mark: str, style: str) -> Text:
        first = min(when.start_ms * self._width // self._length_ms, self._width - 1)
        last = max(first + 1, round(when.end_ms * self._width / self._length_ms))
        return Text.assemble(line[:first], (mark * (last - first), style), line[last:])
