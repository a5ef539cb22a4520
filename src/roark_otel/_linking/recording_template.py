"""Makes a recording's URL from a template: `https://bucket.example.com/{started_at:%Y/%m/%d}/{external_id}.wav`."""

from __future__ import annotations

import string
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from roark_otel._model import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.finished import FinishedConversation

_NAMES = frozenset({"external_id", "trace_id", "livekit_room_id", "livekit_room_name", "service_name", "started_at"})


@dataclass(frozen=True, slots=True)
class Template:
    """A recording URL with names in braces, each filled in URL-quoted.

    The names: `external_id`, `trace_id`, `livekit_room_id`, `livekit_room_name`, `service_name`, `started_at` (with an
    optional strftime format) and `property.NAME`.

    Raises:
        ValueError: if the template names something else or is not well-formed.
    """

    text: str

    def __post_init__(self) -> None:
        try:
            named = [field for _, field, _, _ in string.Formatter().parse(self.text) if field is not None]
        except ValueError as fault:
            raise ValueError(f"recording URL template: {fault}") from None
        for field in named:
            if field not in _NAMES and not field.startswith("property."):
                known = ", ".join(sorted(_NAMES))
                raise ValueError(f"recording URL template: no such name in braces; there are {known} and property.NAME")

    def fill(self, values: Mapping[str, object]) -> str | None:
        """Makes the URL of the values of its names; None if one of them has none."""
        pieces: list[str] = []
        for literal, field, form, _ in string.Formatter().parse(self.text):
            pieces.append(literal)
            if field is None:
                continue
            if (value := values.get(field)) is None:
                return None
            # Slashes of a date's format are folders; those of any other value are quoted, so that it cannot leave them.
            pieces.append(
                quote(format(value, form or "%Y-%m-%dT%H:%M:%SZ"))
                if isinstance(value, datetime)
                else quote(reading.unicode_text(str(value)), "")
            )
        return "".join(pieces)


def template_values(
    conversation: FinishedConversation,
    started_at: datetime,
    body: Mapping[str, object],
    room_name: str | None,
) -> dict[str, object]:
    """Returns the values of a template's names for a conversation, its start, its body and its room."""
    properties = cast("Mapping[str, object]", body["properties"])
    return {f"property.{name}": value for name, value in properties.items()} | {
        "external_id": conversation.external_id,
        "trace_id": f"{conversation.trace_id:032x}",
        "livekit_room_id": body.get("livekitRoomId"),
        "livekit_room_name": room_name,
        "service_name": conversation.service_name,
        "started_at": started_at,
    }
