"""The dialect `roark`: attributes and events that an app writes itself, on any span of the conversation.

The names are those of `roark_otel.attributes`. Event keys may carry the prefix `roark.` too.

`reader` keeps what each span says, `facts` reads attributes, `events` reads events, `words` narrows their values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel import attributes
from roark_otel._model.dialect import Dialect
from roark_otel.dialects.roark.privacy import HARMLESS, WORDS

if TYPE_CHECKING:
    from roark_otel._model.dialect import Reader, Warn


def _reader(warn: Warn) -> Reader:
    from roark_otel.dialects.roark.reader import RoarkReader

    return RoarkReader(warn)


ROARK: Dialect = Dialect(
    name="roark",
    reader=_reader,
    attributes=(
        *(attributes.PREFIX, attributes.LIVEKIT_ROOM_ID_RESOURCE, "agent.", "customer."),
        *("role", "text", "duration_ms", "language_code", "interrupted", "payload"),
        *("name", "id", "parameters", "result", "error", "description"),
    ),
    prefixes=(attributes.PREFIX, attributes.LIVEKIT_ROOM_ID_RESOURCE),
    live=True,
    words=WORDS,
    harmless=HARMLESS,
)
"""Reads what an app writes itself. It is the highest dialect: it wins over what any framework reports."""
