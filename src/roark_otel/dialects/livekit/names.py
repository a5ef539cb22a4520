"""LiveKit's vocabulary: the names of its spans, attributes and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from roark_otel._model.spans import SpanRecord

SCOPE: Final = "livekit-agents"

AGENT_SESSION: Final = "agent_session"
USER_TURN: Final = "user_turn"
USER_SPEAKING: Final = "user_speaking"
AGENT_TURN: Final = "agent_turn"
AGENT_SPEAKING: Final = "agent_speaking"
LLM_NODE: Final = "llm_node"
LLM_REQUEST: Final = "llm_request"
TTS_NODE: Final = "tts_node"
TTS_REQUEST: Final = "tts_request"
FUNCTION_TOOL: Final = "function_tool"
START_AGENT_ACTIVITY: Final = "start_agent_activity"
SESSION_CLOSE: Final = "session_close"
JOB_SHUTDOWN: Final = "job_shutdown"

PRIVATE: Final = "lk.pii."
"""What the names of the attributes with content begin with since 1.7; before that it was `lk.` as for all others."""

# With content: without the prefix, for `content`.
USER_TRANSCRIPT: Final = "user_transcript"
USER_INPUT: Final = "user_input"
RESPONSE_TEXT: Final = "response.text"
FUNCTION_CALLS: Final = "response.function_calls"
CHAT_CTX: Final = "chat_ctx"
INPUT_TEXT: Final = "input_text"
TOOL_ARGUMENTS: Final = "function_tool.arguments"
TOOL_OUTPUT: Final = "function_tool.output"
PARTICIPANT_IDENTITY: Final = "participant_identity"
ROOM_NAME: Final = "room_name"
SIP_PHONE_NUMBER: Final = "sip.phoneNumber"

TOOL_ID: Final = "lk.function_tool.id"
TOOL_NAME: Final = "lk.function_tool.name"
TOOL_IS_ERROR: Final = "lk.function_tool.is_error"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
STT_EVENTS: Final = "lk.stt.events"
END_OF_TURN_DELAY: Final = "lk.end_of_turn_delay"
CONFIDENCE: Final = "lk.transcript_confidence"
TRANSCRIPTION_DELAY: Final = "lk.transcription_delay"
E2E_LATENCY: Final = "lk.e2e_latency"
TTFT: Final = "lk.response.ttft"
TTFB: Final = "lk.response.ttfb"
LLM_METRICS: Final = "lk.llm_metrics"
TTS_METRICS: Final = "lk.tts_metrics"
GENERATION_ID: Final = "lk.generation_id"
INTERRUPTED: Final = "lk.interrupted"
AGENT_LABEL: Final = "lk.agent_label"
TURN_AGENT_NAME: Final = "gen_ai.agent.name"
WORKER_AGENT_NAME: Final = "lk.agent_name"
ROOM_SID: Final = "lk.room_sid"
OTHER_ROOM_SIDS: Final = ("gen_ai.conversation.id", "room_id")
SIP_PREFIXES: Final = ("lk.sip.", "lk.pii.sip.")
SIP_RULE_ID: Final = "lk.sip.ruleID"
PARTICIPANT_KIND: Final = "lk.participant_kind"
CLOSE_REASON: Final = "lk.close_reason"
PARTICIPANT_DISCONNECTED: Final = "participant_disconnected"
DISCONNECT_REASON: Final = "lk.disconnect_reason"
SHUTDOWN_REASON: Final = "lk.shutdown.reason"


def spelling(span: SpanRecord, name: str) -> str:
    """How the span spells an attribute with content: as since 1.7, or as before."""
    return PRIVATE + name if PRIVATE + name in span.attributes else "lk." + name


def content(span: SpanRecord, name: str) -> object:
    """The value of an attribute with content."""
    return span.attributes.get(spelling(span, name))
