"""Reads log records of any version of the SDK: which of them are events with messages, and what these hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from roark_otel._instrumentation.genai.writing import written
from roark_otel.dialects.gen_ai import names

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

LOG_EVENTS: Final = frozenset({names.DETAILS_EVENT, *names.MESSAGE_EVENTS})

_NAME: Final = "event.name"
"""Where the name stands that is no field of the record yet."""

_ABOUT: Final = (names.OPERATION, names.AGENT_NAME, names.AGENT_ID, names.OUTPUT_TYPE, *names.SYSTEMS)
_FIELDS: Final = ("role", "content", "message", "tool_calls", "id", "parts")
"""The fields of a message, where attributes hold them instead of the body."""


def name_of(record: Any) -> str | None:  # noqa: ANN401 - its class depends on the version of the SDK
    """Returns which of `LOG_EVENTS` a record is; None if it is none."""
    name: object = getattr(record, "event_name", None)
    if name is None:
        attributes: object = record.attributes
        name = cast("Mapping[str, object]", attributes).get(_NAME) if attributes else None
    return name if isinstance(name, str) and name in LOG_EVENTS else None


def about(name: str, record: Any) -> dict[str, AttributeValue]:  # noqa: ANN401 - see above
    """Returns the messages of an event, as attributes of a span; empty if it holds none, because content is off."""
    body: object = record.body
    attributes: Mapping[str, object] = record.attributes or {}
    found = _details(body, attributes) if name == names.DETAILS_EVENT else _message(body, attributes)
    if not found:
        return {}
    known = {key: value for key in _ABOUT if isinstance(value := attributes.get(key), str)}
    return {**known, **found}


def _details(body: object, attributes: Mapping[str, object]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    for name in (names.INPUT, names.OUTPUT, names.INSTRUCTIONS):
        value = _inside(attributes, name)
        if text := written(_inside(body, name) if value is None else value):
            found[name] = text
    if not found and isinstance(body, (str, bytes)) and (text := written(body)):
        found[names.EVENT_CONTENT] = text
    return found


def _message(body: object, attributes: Mapping[str, object]) -> dict[str, AttributeValue]:
    if body is None:
        body = attributes.get(names.EVENT_CONTENT)
    if body is None:
        body = {name: attributes[name] for name in _FIELDS if name in attributes}
    text = written(body)
    return {names.EVENT_CONTENT: text} if text else {}


def _inside(fields: object, name: str) -> object:
    """Returns the value of a name with dots, which may stand whole or as a path of mappings; None if there is none."""
    if not isinstance(fields, Mapping):
        return None
    known = cast("Mapping[str, object]", fields)
    if name in known:
        return known[name]
    dot = name.find(".")
    while dot >= 0:
        if (found := _inside(known.get(name[:dot]), name[dot + 1 :])) is not None:
            return found
        dot = name.find(".", dot + 1)
    return None
