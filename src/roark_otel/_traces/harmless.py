"""Spans without what people said, for exports where content is off or redacted: what is not known to be harmless goes.

Instrumentations put words under hundreds of names, and new ones every month, so nothing is kept because it is not known
to be private. Kept are names, ids and numbers that this module lists; an attribute that it does not know is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status

from roark_otel import attributes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.util.types import AttributeValue

NAMES: Final = frozenset(
    {
        attributes.EXTERNAL_ID,
        attributes.STARTED_AT,
        attributes.INTERFACE_TYPE,
        attributes.CALL_DIRECTION,
        attributes.ENDED_STATUS,
        attributes.AGENT_NAME,
        attributes.AGENT_CUSTOM_ID,
        attributes.AGENT_ROARK_ID,
        attributes.AGENT_ENDPOINT_ID,
        attributes.LIVEKIT_ROOM_ID,
        attributes.LIVEKIT_ROOM_ID_RESOURCE,
        attributes.VAPI_CALL_ID,
        attributes.CONVERSATION_ROOT,
        attributes.SKIP,
        # OpenTelemetry: gen_ai, http, rpc, and what an error is called
        "error.type",
        "exception.type",
        "gen_ai.agent.id",
        "gen_ai.agent.name",
        "gen_ai.conversation.id",
        "gen_ai.operation.name",
        "gen_ai.output.type",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.id",
        "gen_ai.response.model",
        "gen_ai.system",
        "gen_ai.tool.call.id",
        "gen_ai.tool.name",
        "gen_ai.tool.type",
        "http.method",
        "http.request.method",
        "http.route",
        "network.protocol.name",
        "network.protocol.version",
        "rpc.method",
        "rpc.service",
        "rpc.system",
        # LiveKit Agents
        "lk.agent_label",
        "lk.agent_name",
        "lk.close_reason",
        "lk.disconnect_reason",
        "lk.function_tool.id",
        "lk.function_tool.is_error",
        "lk.function_tool.name",
        "lk.generation_id",
        "lk.interrupted",
        "lk.job_id",
        "lk.participant_kind",
        "lk.room_sid",
        "lk.shutdown.reason",
        "lk.speech_id",
        "job_id",
        "room_id",
        # Pipecat
        "conversation.id",
        "conversation.type",
        "conversation.was_interrupted",
        "language",
        "tool.call_id",
        "tool.function_name",
        "tool.result_status",
        "tts.interrupted",
        "turn.was_interrupted",
        # OpenInference and others
        "agent.name",
        "llm.model_name",
        "llm.provider",
        "llm.system",
        "openinference.span.kind",
        "service.name",
        "session.id",
        "tool.id",
        "tool.name",
        "tool_call.id",
        "traceloop.span.kind",
    }
)
"""Attributes whose value is an id or a name, kept as long as it looks like one."""

NUMBERS: Final = (
    "gen_ai.request.",
    "gen_ai.response.",
    "gen_ai.server.",
    "gen_ai.usage.",
    "http.request.",
    "http.response.",
    "http.status_code",
    "conversation.turn_number",
    "conversation.user_to_bot_latency",
    "lk.",
    "llm.token_count.",
    "metrics.",
    "service.ttfb_seconds",
    "turn.",
)
"""What the names begin with under which numbers and flags are kept: counts, times, statuses."""

NO_NUMBERS: Final = ("lk.pii.", "lk.function_tool.", "lk.sip.", "lk.user_input", "lk.user_transcript")
"""Under these a number may be somebody's: what a tool was given or returned, or a telephone number."""

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
"""What the names of the attributes begin with that are kept of a resource: the app says them once, of itself."""

LONGEST_NAME: Final = 255

_NAME_LIKE: Final = re.compile(r"[^\s][^\r\n]*")


def without_content(span: ReadableSpan) -> ReadableSpan:
    """A copy of a span with its ids, times, names and numbers; no words, arguments, results or prompts.

    An event is left out unless it tells an exception, of which the type stays. The description of the status, which
    quotes exceptions, goes too.
    """
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=Resource(_resource(span.resource.attributes), span.resource.schema_url),
        attributes=_harmless(span.attributes),
        events=_exceptions(span.events),
        links=[Link(link.context) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _harmless(told: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    return {name: value for name, value in (told or {}).items() if _is_harmless(name, value)}


def _is_harmless(name: str, value: object) -> bool:
    if name in NAMES:
        return isinstance(value, (bool, int, float)) or _looks_like_a_name(value)
    return isinstance(value, (bool, int, float)) and name.startswith(NUMBERS) and not name.startswith(NO_NUMBERS)


def _looks_like_a_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NAME and bool(_NAME_LIKE.fullmatch(value))


def _resource(told: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    return {name: value for name, value in told.items() if name.startswith(RESOURCE)}


def _exceptions(events: Iterable[Event]) -> list[Event]:
    return [
        Event("exception", _harmless(event.attributes), event.timestamp)
        for event in events
        if event.name == "exception"
    ]
