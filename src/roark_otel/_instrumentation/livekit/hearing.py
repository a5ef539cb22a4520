"""What was heard below one root span: words, speech and messages, written as they become certain."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from roark_otel._instrumentation.heard_spans import HeardSpans, said
from roark_otel._instrumentation.livekit.placing import Place, Speech, Transcription, places
from roark_otel.dialects.heard import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from roark_otel._instrumentation.livekit.roots import SessionSpan

_MOST_WORDS: Final = 8
_MOST_SPEECHES: Final = 16
"""Words that are followed by more than these keep the place that they have."""

_MOST_WRITTEN: Final = 64
"""Words that are followed by more than these cannot be corrected any more."""


@dataclass(slots=True)
class _Item:
    """What was transcribed as one item, as far as it is known; `final_ns` is None until all of it is."""

    key: str
    known_ns: int
    final_ns: int | None = None
    started_ns: int | None = None
    text: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written last of an item."""

    revision: int
    attributes: Mapping[str, AttributeValue | None]
    place: Place


class Hearing:
    """Keeps what is heard below one root span, and writes it.

    Args:
        root: The root span.
    """

    def __init__(self, root: SessionSpan) -> None:
        self._root = root
        self._spans = HeardSpans("livekit", root.provider)
        self._speeches: deque[Speech] = deque(maxlen=_MOST_SPEECHES)
        self._replies: deque[int] = deque(maxlen=_MOST_SPEECHES)
        self._reply_count = 0
        self._items: dict[str, _Item] = {}
        self._written: dict[str, _Written] = {}
        self._unnamed: str | None = None
        self._unnamed_count = 0

    def began_to_speak(self, at_ns: int, *, by_model: bool) -> None:
        """Notes that the customer began to speak, as the model or voice detection noticed."""
        if not (self._speeches and self._speeches[-1].end_ns is None):
            self._speeches.append(Speech(at_ns, None, self._reply_count, by_model))

    def fell_silent(self, at_ns: int) -> None:
        """Notes that the customer fell silent."""
        if self._speeches and (last := self._speeches[-1]).end_ns is None:
            self._speeches[-1] = replace(last, end_ns=max(last.start_ns, at_ns))

    def reply_began(self, at_ns: int) -> None:
        """Notes that the agent begins to answer: what the customer says from now on is another utterance."""
        self._replies.append(at_ns)
        self._reply_count += 1

    def transcribed(self, item_id: str | None, text: str, at_ns: int, language: str | None, *, is_final: bool) -> None:
        """Takes in the words of an item, or some of them.

        No words at all say that a stretch of speech had none. They take back none that are known.

        Args:
            item_id: The item; None in versions whose words have no id but that of the message that follows.
            text: The words.
            at_ns: When they came.
            language: Their language.
            is_final: Whether these are all of them.
        """
        if not (text or is_final):
            return
        key = item_id or self._key_without_id()
        if key not in self._items and (written := self._written.get(key)) is not None:
            if is_final and text:  # a correction of what has its place for good
                self._write(names.CUSTOMER_SAID, key, said(text, language=language), written.place)
            return
        item = self._items.setdefault(key, _Item(key, at_ns))
        if is_final:
            item.final_ns = item.final_ns or at_ns
        if is_final and text:
            item.text, item.language = text, language

    def message_of_customer(self, item_id: str, text: str, started_ns: int | None) -> bool:
        """Takes in a message of the customer. Returns False if its words were not transcribed from speech."""
        item = self._items.get(self._unnamed or "")
        self._unnamed = None
        if item is not None and item.text == text and item.final_ns is not None:
            self._name(item, item_id)
        if item_id not in self._items:
            return item_id in self._written
        self._items[item_id].started_ns = started_ns or self._items[item_id].started_ns
        return True

    def _name(self, item: _Item, item_id: str) -> None:
        """Finds words without an id under that of their message from now on: a second message corrects them."""
        del self._items[item.key]
        if (known := self._items.get(item_id)) is None:
            self._items[item_id] = item
        else:
            known.text, known.language = item.text, item.language

    def message(self, name: str, item_id: str, attributes: Mapping[str, AttributeValue | None], place: Place) -> None:
        """Writes a message whose time is known."""
        self._write(name, item_id, attributes, place)

    def settle(self, *, is_last: bool = False) -> None:
        """Writes the words whose place is known, or has changed.

        Args:
            is_last: Whether words are written although the speech they belong to goes on.
        """
        final = [item for item in self._items.values() if item.final_ns is not None]
        words = [Transcription(item.known_ns, item.final_ns or item.known_ns, item.started_ns) for item in final]
        for item, place in zip(final, places(words, tuple(self._speeches)), strict=True):
            if item.text and (place.is_over or is_last):
                found = place if place.is_noticed else self._until_the_reply(place)
                self._write(names.CUSTOMER_SAID, item.key, said(item.text, language=item.language), found)
        self._forget()

    def _write(self, name: str, key: str, attributes: Mapping[str, AttributeValue | None], place: Place) -> None:
        before = self._written.pop(key, None)
        written = _Written(0 if before is None else before.revision + 1, attributes, place)
        if before is not None and (before.attributes, before.place) == (attributes, place):
            self._written[key] = before
            return
        self._written[key] = written
        more: dict[str, AttributeValue | None] = {
            names.ITEM: key,
            names.REVISION: written.revision,
            names.TIMED: None if place.is_measured else False,
        }
        if self._root.keeps_private():
            more[names.TEXT] = None
        within, resource = self._root.context, self._root.resource
        self._spans.write(name, {**attributes, **more}, place.start_ns, place.end_ns, within=within, resource=resource)

    def _until_the_reply(self, place: Place) -> Place:
        """Returns a place that no voice detection measured: the customer spoke before the agent answered."""
        end_ns = min((at_ns for at_ns in self._replies if at_ns >= place.start_ns), default=place.end_ns)
        return place._replace(end_ns=min(place.end_ns, end_ns))

    def _key_without_id(self) -> str:
        """Returns the key of words without an id: the same until all of them are known."""
        if (item := self._items.get(self._unnamed or "")) is None or item.final_ns is not None:
            self._unnamed_count += 1
            self._unnamed = f"words-{self._unnamed_count}"
        return self._unnamed or ""

    def _forget(self) -> None:
        """Lets go of what is too old to change, with the speech that its words have."""
        while len(self._items) > _MOST_WORDS:
            oldest = self._items.pop(next(iter(self._items)))
            if (written := self._written.get(oldest.key)) is not None:
                while self._speeches and self._speeches[0].start_ns < written.place.end_ns:
                    self._speeches.popleft()
        while len(self._written) > _MOST_WRITTEN:
            del self._written[next(iter(self._written))]
