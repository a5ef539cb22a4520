"""Pipecat's vocabulary: the names of its spans and attributes."""

from __future__ import annotations

from typing import Final

from roark_otel.dialects.heard.names import scope_of

SCOPES: Final = frozenset({"pipecat", "pipecat.turn"})

HEARD_SCOPE: Final = scope_of("pipecat")
"""The scope of what an observer in the pipeline heard."""

CONVERSATION: Final = "conversation"
CONVERSATION_ID: Final = "conversation.id"
TURN: Final = "turn"
STT: Final = "stt"
LLM: Final = "llm"
TTS: Final = "tts"

# Speech-to-speech models have these instead of `llm` and `tts`; the last two only Gemini Live.
LLM_SETUP: Final = "llm_setup"
LLM_REQUEST: Final = "llm_request"
LLM_RESPONSE: Final = "llm_response"
LLM_TOOL_CALL: Final = "llm_tool_call"
LLM_TOOL_RESULT: Final = "llm_tool_result"

DURATION: Final = "turn.duration_seconds"
LATENCY: Final = "turn.user_bot_latency_seconds"
WAS_INTERRUPTED: Final = "turn.was_interrupted"

PROVIDER: Final = ("gen_ai.provider.name", "gen_ai.system")
"""Who provides a service, as now and as before 1.0: the name of its class without the kind of service."""

SPEECH_TO_SPEECH: Final = "llmservice"
"""How the provider of a `stt` span ends if a speech-to-speech model wrote it."""

TRANSCRIPT: Final = "transcript"
LANGUAGE: Final = "language"
TEXT: Final = "text"
TTS_INTERRUPTED: Final = "tts.interrupted"
INPUT: Final = "input"
OUTPUT: Final = "output"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"

TTFB: Final = "metrics.ttfb"
TTFB_MS: Final = "metrics.ttfb_ms"

TOOL_NAME: Final = "tool.function_name"
TOOL_CALL_ID: Final = "tool.call_id"
TOOL_ARGUMENTS: Final = "tool.arguments"
TOOL_RESULT: Final = "tool.result"

ATTRIBUTES: Final = (
    *(CONVERSATION_ID, DURATION, LATENCY, WAS_INTERRUPTED, *PROVIDER, TRANSCRIPT, LANGUAGE, TEXT, TTS_INTERRUPTED),
    *(INPUT, OUTPUT, SYSTEM_INSTRUCTIONS, TTFB, TTFB_MS, TOOL_NAME, TOOL_CALL_ID, TOOL_ARGUMENTS, TOOL_RESULT),
)
"""What is read of spans."""
