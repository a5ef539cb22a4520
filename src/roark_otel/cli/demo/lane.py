"""The call as a line from left to right, and where on it something happened."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from roark_otel.cli.demo.timeline import Span, clock


@dataclass(frozen=True, slots=True)
class Marks:
    """What is drawn with.

    Attributes:
        bar: Something happens.
        rest: Nothing happens.
        both: Two talk at once.
        result: Before what a tool returned.
        error: Before what it failed with.
        cut: After the words of somebody who was interrupted.
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
    """The finest marks that can be written in an encoding."""
    try:
        "".join((_FINE.bar, _FINE.rest, _FINE.both, _FINE.result, _FINE.error, _FINE.cut)).encode(encoding)
    except UnicodeEncodeError:
        return _PLAIN
    return _FINE


class Lane:
    """The line.

    Args:
        length_ms: How long the call is.
        width: How many characters the line has.
        marks: What it is drawn with.
    """

    def __init__(self, length_ms: int, width: int, marks: Marks) -> None:
        self._length_ms = max(1, length_ms)
        self._width = width
        self._marks = marks

    def ends(self) -> str:
        """What is written over it: the times at which it begins and ends."""
        start, end = clock(0)[:-4], clock(self._length_ms)[:-4]
        return f"{start}{end:>{self._width - len(start)}}"

    def drawn(self, when: Span, over: Span | None, style: str) -> Text:
        """The line with a stretch on it.

        Args:
            when: The stretch.
            over: The part of it in which another one was talking.
            style: How the stretch looks.
        """
        line = self._with(Text(self._marks.rest * self._width, "dim"), when, self._marks.bar, style)
        return line if over is None else self._with(line, over, self._marks.both, "bold yellow")

    def _with(self, line: Text, when: Span, mark: str, style: str) -> Text:
        first = min(when.start_ms * self._width // self._length_ms, self._width - 1)
        last = max(first + 1, round(when.end_ms * self._width / self._length_ms))
        return Text.assemble(line[:first], (mark * (last - first), style), line[last:])
