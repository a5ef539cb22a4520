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

INPUT_VALUE: Final = "input.value"
OUTPUT_VALUE: Final = "output.value"

AGENT_NAMES: Final = ("agent.name", "graph.node.id")

TOOL_NAMES: Final = ("tool.name", "tool_call.function.name")
TOOL_ARGUMENTS: Final = ("tool_call.function.arguments", INPUT_VALUE)
TOOL_RESULTS: Final = ("tool.result", OUTPUT_VALUE)
TOOL_IDS: Final = ("tool_call.id", "tool.id")
TOOL_DESCRIPTION: Final = "tool.description"

PIPECAT_SCOPE: Final = "openinference.instrumentation.pipecat"
FRAMEWORKS: Final = {PIPECAT_SCOPE: "pipecat", "openinference.instrumentation.openai_agents": "openai-agents"}
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
