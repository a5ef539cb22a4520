"""Long texts that are made again when they are read: a thousand histories at once would be as large as their sum."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel._model.rows import Unread
from roark_otel._open.pieces import join_text

if TYPE_CHECKING:
    from roark_otel._open.pieces import Pieces

RECENT: Final = 8
"""The most texts that are held at a time: those that were read last, with which others go on."""


class Later(NamedTuple):
    """Stands for a text that is made again when it is read."""

    number: int
    texts: Texts

    def text(self) -> str:
        """Returns the text."""
        return self.texts.text(self.number)


class Texts:
    """The long texts of a log, by number."""

    __slots__ = ("_cut", "_recent", "_whole")

    def __init__(self) -> None:
        self._whole: dict[int, str] = {}
        self._cut: dict[int, tuple[int, Pieces]] = {}
        self._recent: OrderedDict[int, str] = OrderedDict()

    def add_whole(self, number: int, text: str) -> None:
        """Takes in a text that is written as it is."""
        self._whole[number] = text

    def add_cut(self, number: int, base: int, pieces: Pieces) -> None:
        """Takes in a text that is written as pieces of the one with the number `base`."""
        self._cut[number] = base, pieces

    def text(self, number: int) -> str:
        """Returns a text, made from the nearest one before that is at hand."""
        path: list[int] = []
        at = number
        while at not in self._whole and at not in self._recent:
            path.append(at)
            at = self._cut[at][0]
        text = self._whole[at] if at in self._whole else self._recent[at]
        for at in reversed(path):
            text = join_text(text, self._cut[at][1])
            self._recent[at] = text
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)
        return text


class Joined(Unread):
    """Attributes of which some texts are made again when they are read."""

    def whole(self) -> dict[str, object]:
        """Returns the attributes as they were."""
        return {name: value.text() if type(value) is Later else value for name, value in self.items()}
