"""Which model wrote what a speech service was to say, and what the agent may have said by when."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from roark_otel.dialects.pipecat.marks import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel.dialects.pipecat.stretches import Stretch
    from roark_otel.dialects.pipecat.threads import News

_RECENT = 3
"""The number of models before a speech that are searched for the one that wrote it."""

_KNOWN = 32
"""The number of texts before a history that are searched for one that it holds."""


class Voices:
    """The speeches of a conversation and the models that wrote them.

    Args:
        speeches: What was to be spoken, by start.
        models: What models wrote, by start.

    Attributes:
        authors: The model that wrote each speech, None if its words are the app's own.
    """

    __slots__ = ("_asked_ns", "_models", "_speeches", "_texts", "_texts_ns", "authors", "voiced")

    def __init__(self, speeches: Sequence[Stretch], models: Sequence[Stretch]) -> None:
        self._speeches, self._models = speeches, models
        self._asked_ns = [one.start_ns for one in models]
        self.authors: list[Stretch | None] = [self._author(one) for one in speeches]
        self.voiced: frozenset[int] = frozenset(one.span_id for one in self.authors if one is not None)
        """The models whose words a speech service was to say."""
        self._texts: list[str] = []
        self._texts_ns: list[int] = []

    def _author(self, speech: Stretch) -> Stretch | None:
        if (text := speech.text) is None:
            return None
        before = bisect_right(self._asked_ns, speech.start_ns)
        for index in range(before - 1, max(0, before - _RECENT) - 1, -1):
            model = self._models[index]
            if model.text is None or model.flag:
                continue
            if text in model.text or plain(text) in plain(model.text):
                return model
        return None

    def unheard(self, several: Sequence[News]) -> frozenset[int]:
        """Returns the threads of models that write what is not spoken while others' words are: they judge or sum up."""
        if len({one.thread for one in several}) <= 1:
            return frozenset()
        writing = {one.span_id for one in self._models if one.text is not None and not one.flag}
        heard: set[int] = set()
        silent: set[int] = set()
        for news in several:
            span_id = news.view.span_id
            if span_id in self.voiced:
                heard.add(news.thread)
            elif span_id in writing:
                silent.add(news.thread)
        return frozenset(silent - heard) if heard else frozenset()

    def is_known(self, text: str, at_ns: int) -> bool:
        """Returns whether the agent may have said a text before a time, or a part of several."""
        if not self._texts:
            texts = sorted(one for one in (*self._speeches, *self._models) if one.text is not None)
            self._texts = [plain(one.text or "") for one in texts]
            self._texts_ns = [one.start_ns for one in texts]
        before = bisect_left(self._texts_ns, at_ns)
        return plain(text) in "".join(self._texts[max(0, before - _KNOWN) : before])
