"""Sentences that a speech service was given and its span does not hold.

Several versions of Pipecat keep only the last sentence of a reply on the span, or leave out the first one. What stands
before it in the text of the model, or in the message of a history, was spoken too; unless any history of the
conversation holds what is on a span alone: then something takes words out before they are spoken.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from roark_otel.dialects.pipecat.marks import beginning, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel.dialects.pipecat.history import Recent
    from roark_otel.dialects.pipecat.stretches import Stretch

_SENTENCES: Final = re.compile(r"[^<>{}\[\]*`|]*[.!?\u2026\u3002\uff01\uff1f]['\"\u201d\u2019)]*\s*")
"""Whole sentences, without anything that an app may keep from being spoken."""

_ALL: Final = -1
"""Stands for the number of characters of all that a model wrote."""

_NEXT: Final = 3
"""The number of histories after a speech that are searched for it."""


def completed(
    speeches: Sequence[Stretch], authors: Sequence[Stretch | None], recents: Sequence[Recent]
) -> Sequence[Stretch]:
    """Returns the speeches with the sentences that their spans lost.

    Args:
        speeches: What was to be spoken, by start.
        authors: The model that wrote each.
        recents: What each history says was last said, by start.
    """
    found = _completed(speeches, authors, recents)
    changed = [one for one, other in zip(speeches, found, strict=True) if one is not other]
    if not changed:
        return speeches
    held = {plain(text) for one in recents for text in one.said}
    if any(plain(one.text or "") in held for one in changed):
        return speeches
    return found


def _completed(
    speeches: Sequence[Stretch], authors: Sequence[Stretch | None], recents: Sequence[Recent]
) -> list[Stretch]:
    read: dict[int, int] = {}
    plain_of: dict[int, str] = {}
    seen_ns = [one.start_ns for one in recents]
    found: list[Stretch] = []
    for speech, model in zip(speeches, authors, strict=True):
        text = speech.text
        if text is not None and model is not None and model.text is not None:
            span_id = model.span_id
            if text == model.text and span_id not in read:  # nearly always: a span has all that the model wrote
                read[span_id] = _ALL
                found.append(speech)
                continue
            whole, part, since = plain_of.get(span_id) or plain(model.text), plain(text), read.get(span_id, 0)
            plain_of[span_id] = whole
            since = len(whole) if since == _ALL else since
            at = whole.find(part, since)
            if at >= 0:
                text = _with_gap(model.text, since, at, text)
                read[span_id] = at + len(part)
        elif text is not None:
            after = bisect_right(seen_ns, speech.start_ns)
            said = (one for recent in recents[after : after + _NEXT] for one in recent.said)
            text = next((whole for one in said if (whole := _ended_by(one, text)) != text), text)
        found.append(speech if text == speech.text else speech._replace(text=text))
    return found


def _ended_by(message: str, text: str) -> str:
    """Returns a message whose last words are a text, the text if they are not."""
    whole, last = plain(message), plain(text)
    return _with_gap(message, 0, len(whole) - len(last), text) if whole.endswith(last) else text


def _with_gap(whole: str, since: int, at: int, text: str) -> str:
    """Returns a text with the sentences before it, which begin and end at these characters that `plain` keeps."""
    if at <= since:
        return text
    first, last = len(beginning(whole, since)), len(beginning(whole, at))
    gap = whole[first:last].lstrip()
    blank = whole[last : last + 1] if whole[last : last + 1].isspace() else ""
    return gap + blank + text if _SENTENCES.fullmatch(gap) else text
