"""Spans without what people said, for exports where content is off or redacted.

Instrumentations put words under hundreds of names, and new ones every month, so an attribute is not kept for want of
evidence that it is private. Kept are the names, ids and numbers that are listed here and by dialects; an attribute that
none of them lists is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status

from roark_otel import attributes
from roark_otel._model.dialect import Harmless
from roark_otel._privacy.patterns import Patterns
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.util.types import AttributeValue

    from roark_otel._model.dialect import Dialect

GENERAL: Final = Harmless(
    names=frozenset(
        {
            "error.type",
            "exception.type",
            "http.method",
            "http.request.method",
            "http.route",
            "network.protocol.name",
            "network.protocol.version",
            "rpc.method",
            "rpc.service",
            "rpc.system",
            "service.name",
        }
    ),
    numbers=("http.request.", "http.response.", "http.status_code"),
)
"""What OpenTelemetry's own conventions write on spans of any source."""

RESOURCE: Final = (
    attributes.EXTERNAL_ID,
    attributes.LIVEKIT_ROOM_ID_RESOURCE,
    "cloud.",
    "container.id",
    "container.name",
    "deployment.",
    "host.id",
    "host.name",
    "k8s.",
    "process.pid",
    "process.runtime.",
    "service.",
    "telemetry.",
)
"""Prefixes of the attributes of a resource that are kept: there an app describes itself, not a conversation."""

LONGEST_NAME: Final = 255
"""The most characters of a text that may be a name or an id."""

NO_PATTERNS: Final = Patterns()

_IDS: Final = frozenset({attributes.EXTERNAL_ID, attributes.CUSTOMER_PHONE_NUMBER})
"""What the trace and its call have in common, and Roark finds a simulation by: they stay as they are in calls."""

_NAME_LIKE: Final = re.compile(r"[^\s][^\r\n]*")


def harmless_of(dialects: Sequence[Dialect]) -> Harmless:
    """Returns which attributes may be exported without content, where these dialects are read.

    The built-in dialects count also where an app does not read them: its frameworks write the same spans all the same.
    """
    return Harmless.joined((GENERAL, *(dialect.harmless for dialect in (*dialects, *DIALECTS))))


def without_content(span: ReadableSpan, harmless: Harmless, patterns: Patterns = NO_PATTERNS) -> ReadableSpan:
    """Returns a copy of a span with its ids, times, names and numbers; no words, arguments, results or prompts.

    Of events, only exceptions are kept, with their type. The description of the status, which quotes exceptions, is
    left out too. In what is left, the matches of patterns are replaced.
    """
    return ReadableSpan(
        name=patterns.text(span.name, LONGEST_NAME) if patterns else span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=Resource(_resource(span.resource.attributes), span.resource.schema_url),
        attributes=_kept(span.attributes, harmless, patterns),
        events=_exceptions(span.events, harmless, patterns),
        links=[Link(link.context) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _kept(
    fields: Mapping[str, AttributeValue] | None, harmless: Harmless, patterns: Patterns
) -> dict[str, AttributeValue]:
    return {
        name: patterns.text(value) if isinstance(value, str) and name not in _IDS else value
        for name, value in (fields or {}).items()
        if _is_harmless(name, value, harmless)
    }


def _is_harmless(name: str, value: object, harmless: Harmless) -> bool:
    is_number = isinstance(value, (bool, int, float))
    if name in harmless.names:
        return is_number or _looks_like_a_name(value)
    return is_number and name.startswith(harmless.numbers) and not name.startswith(harmless.private_numbers)


def _looks_like_a_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NAME and bool(_NAME_LIKE.fullmatch(value))


def _resource(fields: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    return {name: value for name, value in fields.items() if name.startswith(RESOURCE)}


def _exceptions(events: Iterable[Event], harmless: Harmless, patterns: Patterns) -> list[Event]:
    return [
        Event("exception", _kept(event.attributes, harmless, patterns), event.timestamp)
        for event in events
        if event.name == "exception"
    ]
