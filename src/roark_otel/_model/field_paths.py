"""Paths of a call's fields, as answers of Roark name them. An answer may quote the call in them. Pure."""

from __future__ import annotations

import re
from typing import Final

_BETWEEN = re.compile(r"([.\[\]/]+)")
_NUMBER = re.compile(r"\d{1,6}")
_PROPERTY = re.compile(r"[a-z0-9_]{1,64}")

NAMES: Final = frozenset(
    [
        "agent",
        "agents",
        "callDirection",
        "customId",
        "customer",
        "customers",
        "description",
        "direction",
        "endOffsetMs",
        "endedStatus",
        "endpoint",
        "externalId",
        "id",
        "interfaceType",
        "label",
        "languageCode",
        "livekitRoomId",
        "name",
        "parameters",
        "payload",
        "phoneNumberE164",
        "prompt",
        "properties",
        "recordingUrl",
        "resolvedPrompt",
        "result",
        "roarkId",
        "role",
        "startOffsetMs",
        "startedAt",
        "stereoRecordingUrl",
        "text",
        "toolInvocations",
        "transcript",
        "type",
        "value",
        "vapiCallId",
    ]
)
"""The names of all fields of `Call` and its parts, which takes a tenth of a second to import."""


def steps_of(path: str) -> list[str]:
    """Splits a path: `transcript[0].text`, `transcript.0.text` and `/transcript/0/text` are the same."""
    return [step for step in _BETWEEN.split(path)[::2] if step]


def shown(path: str) -> str:
    """Returns a path as logs and properties may show it: the names of a call's fields, up to the first other step."""
    found, above = "", ""
    for number, part in enumerate(_BETWEEN.split(path)):
        if part and number % 2 == 0:
            is_property = above == "properties" and _PROPERTY.fullmatch(part)
            if not (is_property or part in NAMES or _NUMBER.fullmatch(part)):
                return f"{found}\N{HORIZONTAL ELLIPSIS}"
            above = part
        found += part
    return found
