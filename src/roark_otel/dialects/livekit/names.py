"""LiveKit's vocabulary: the names of its spans, attributes and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._model.cut_marks import MAX_KEPT
from roark_otel._model.reading import text
from roark_otel.dialects.heard.names import scope_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE: Final = "livekit-agents"

HEARD_SCOPE: Final = scope_of("livekit")
"""The scope of what a listener in the session heard."""

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
AMD: Final = "amd"
SESSION_CLOSE: Final = "session_close"
JOB_SHUTDOWN: Final = "job_shutdown"
JOB_ENTRYPOINT: Final = "job_entrypoint"
AUDIO_TRACK: Final = "wait_for_audio_track"
"""Since 1.8.2: lasts until the first audio of the customer came in."""

SPANS: Final = frozenset(
    {
        *(USER_TURN, USER_SPEAKING, AGENT_TURN, AGENT_SPEAKING, LLM_NODE, LLM_REQUEST, TTS_NODE, TTS_REQUEST),
        *(FUNCTION_TOOL, START_AGENT_ACTIVITY, AGENT_SESSION, AMD, SESSION_CLOSE, JOB_SHUTDOWN, JOB_ENTRYPOINT),
        AUDIO_TRACK,
    }
)
"""The spans that are read. A third of all say nothing more: how often a request was tried, how long a hook took."""

PRIVATE: Final = "lk.pii."
"""What the names of the attributes with content begin with since 1.7; before that it was `lk.` as for all others."""

Spellings: TypeAlias = "tuple[str, str]"
"""The names of an attribute with content: as since 1.7, and as before."""


def _spellings(name: str) -> Spellings:
    return PRIVATE + name, "lk." + name


USER_TRANSCRIPT: Final = _spellings("user_transcript")
USER_INPUT: Final = _spellings("user_input")
RESPONSE_TEXT: Final = _spellings("response.text")
FUNCTION_CALLS: Final = _spellings("response.function_calls")
CHAT_CTX: Final = _spellings("chat_ctx")
INPUT_TEXT: Final = _spellings("input_text")
TOOL_ARGUMENTS: Final = _spellings("function_tool.arguments")
TOOL_OUTPUT: Final = _spellings("function_tool.output")
PARTICIPANT_IDENTITY: Final = _spellings("participant_identity")
ROOM_NAME: Final = _spellings("room_name")
SIP_PHONE_NUMBER: Final = _spellings("sip.phoneNumber")

TOOL_ID: Final = "lk.function_tool.id"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
"""The same as `TOOL_ID`, which Node.js does not write."""
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
KIND_PREFIX: Final = "PARTICIPANT_KIND_"
"""What kinds of participants begin with in Python; in Node.js, with nothing."""
AMD_CATEGORY: Final = "lk.amd.category"
CLOSE_REASON: Final = "lk.close_reason"
PARTICIPANT_DISCONNECTED: Final = "participant_disconnected"
DISCONNECT_REASON: Final = "lk.disconnect_reason"
SHUTDOWN_REASON: Final = "lk.shutdown.reason"
FIRST_FRAME_DELAY: Final = "lk.first_frame_delay"

STARTED_SPEAKING: Final = "started_speaking_at"
STOPPED_SPEAKING: Final = "stopped_speaking_at"
FIRST_BYTE_OF_VOICE: Final = "tts_node_ttfb"
"""Keys of the metrics of a message in a history, which Node.js writes: seconds since the epoch, and seconds."""

ATTRIBUTES: Final = (
    *(*USER_TRANSCRIPT, *USER_INPUT, *RESPONSE_TEXT, *FUNCTION_CALLS, *CHAT_CTX, *INPUT_TEXT),
    *(*TOOL_ARGUMENTS, *TOOL_OUTPUT, TOOL_ID, TOOL_CALL_ID, TOOL_NAME, TOOL_IS_ERROR, TOOL_DESCRIPTION),
    *(STT_EVENTS, END_OF_TURN_DELAY, CONFIDENCE, TRANSCRIPTION_DELAY, E2E_LATENCY),
    *(TTFT, TTFB, LLM_METRICS, TTS_METRICS, GENERATION_ID, INTERRUPTED),
    *(AGENT_LABEL, TURN_AGENT_NAME, WORKER_AGENT_NAME, ROOM_SID, *OTHER_ROOM_SIDS, *ROOM_NAME),
    *(*SIP_PREFIXES, PARTICIPANT_KIND, *PARTICIPANT_IDENTITY),
    *(AMD_CATEGORY, CLOSE_REASON, PARTICIPANT_DISCONNECTED, DISCONNECT_REASON, SHUTDOWN_REASON, FIRST_FRAME_DELAY),
)
"""What is read of spans. Histories that other dialects would read, and the tools a model may use, are not."""


def spelling(attributes: Mapping[str, object], names: Spellings) -> str:
    """Returns how these attributes spell one with content: as since 1.7 if it is there, else as before."""
    return names[0] if names[0] in attributes else names[1]


def content(attributes: Mapping[str, object], names: Spellings) -> object:
    """Returns the value of an attribute with content, None if it is not there."""
    since, before = names
    return attributes[since] if since in attributes else attributes.get(before)


def words(attributes: Mapping[str, object], names: Spellings) -> str | None:
    """Returns the text of an attribute with content, None if it has none."""
    since, before = names
    value = attributes[since] if since in attributes else attributes.get(before)
    if type(value) is str and value.isascii() and len(value) <= MAX_KEPT:  # as `text` has it, of nearly all
        return value.strip() or None
    return None if value is None else text(value)
