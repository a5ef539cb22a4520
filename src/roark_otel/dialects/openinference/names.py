"""The names of the OpenInference conventions."""

from typing import Final

KIND: Final = "openinference.span.kind"
LLM: Final = "LLM"
TOOL: Final = "TOOL"
AGENT: Final = "AGENT"
CHAIN: Final = "CHAIN"

INPUT_MESSAGES: Final = "llm.input_messages."
OUTPUT_MESSAGES: Final = "llm.output_messages."
"""Each with a number: `llm.input_messages.0.message.role`. Numbers may be missing, and so may the role of an answer."""
FIRST_ROLE: Final = "llm.input_messages.0.message.role"
FIRST_CONTENT: Final = "llm.input_messages.0.message.content"

ROLE: Final = "the role of a message"
"""What a warning calls it, wherever a span has its messages."""

INPUT_VALUE: Final = "input.value"
OUTPUT_VALUE: Final = "output.value"

AGENT_NAMES: Final = ("agent.name", "graph.node.id")

TOOL_NAMES: Final = ("tool.name", "tool_call.function.name")
TOOL_ARGUMENTS: Final = ("tool_call.function.arguments", INPUT_VALUE)
TOOL_RESULTS: Final = ("tool.result", OUTPUT_VALUE)
TOOL_IDS: Final = ("tool_call.id", "tool.id")
TOOL_DESCRIPTION: Final = "tool.description"

INVOCATION: Final = "llm.invocation_parameters"
"""What a model was asked for, as JSON; of a realtime session the instructions too."""

AUDIO: Final = "AUDIO"
USER: Final = "USER"
ASSISTANT: Final = "assistant"
"""The span of a realtime model that speaks, or that asks for a tool and then has no words."""
INPUT_TRANSCRIPT: Final = "input.audio.transcript"
OUTPUT_TRANSCRIPT: Final = "output.audio.transcript"
FIRST_AUDIO: Final = "time_to_first_token_ms"
"""From the end of the customer's words, as the server heard it, to the first audio of the answer."""
END_REASON: Final = "end_reason"
INTERRUPTED: Final = "interrupted"

ADK_SCOPES: Final = frozenset({"gcp.vertex.agent", "openinference.instrumentation.google_adk"})
"""Google's ADK, whose own spans its instrumentation fills."""

PIPECAT_SCOPE: Final = "openinference.instrumentation.pipecat"
OPENAI_AGENTS_SCOPE: Final = "openinference.instrumentation.openai_agents"
FRAMEWORKS: Final = {PIPECAT_SCOPE: "pipecat", OPENAI_AGENTS_SCOPE: "openai-agents"}
"""Whose spans those of a scope are."""
PIPECAT_TURN: Final = "pipecat.conversation.turn"
PIPECAT_STT: Final = "pipecat.stt"
PIPECAT_LLM: Final = "pipecat.llm"
PIPECAT_TTS: Final = "pipecat.tts"
WAS_INTERRUPTED: Final = "conversation.was_interrupted"
LATENCY: Final = "conversation.user_to_bot_latency"
"""From the end of the customer's words to the beginning of the agent's, in seconds. A turn in which the agent says
nothing repeats that of the turn before."""
FIRST_BYTE: Final = "service.ttfb_seconds"
