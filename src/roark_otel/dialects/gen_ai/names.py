"""The names that GenAI instrumentations put on spans. The conventions still change: all of these are in use."""

from typing import Final

OPENINFERENCE_KIND: Final = "openinference.span.kind"
"""A span with it follows OpenInference, whose own dialect reads it; some follow both conventions."""

PREFIX: Final = "gen_ai."
OPERATION: Final = "gen_ai.operation.name"
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_DESCRIPTION: Final = "gen_ai.agent.description"
PLACEHOLDER: Final = ("OpenAI Agent", "agent", "OpenAI Agents instrumentation")
"""What the OpenTelemetry bridge of the OpenAI Agents SDK says where it knows no agent: name, id, description."""

INPUT: Final = "gen_ai.input.messages"
OUTPUT: Final = "gen_ai.output.messages"
INSTRUCTIONS: Final = "gen_ai.system_instructions"
DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"

SYSTEM_EVENT: Final = "gen_ai.system.message"
USER_EVENT: Final = "gen_ai.user.message"
ASSISTANT_EVENT: Final = "gen_ai.assistant.message"
TOOL_EVENT: Final = "gen_ai.tool.message"
CHOICE_EVENT: Final = "gen_ai.choice"

PROMPT_PREFIX: Final = "gen_ai.prompt."
COMPLETION_PREFIX: Final = "gen_ai.completion."
"""Each with a number: `gen_ai.prompt.0.role`."""

LOGFIRE_TEMPLATE: Final = "logfire.msg_template"
LOGFIRE_EVENTS: Final = "events"
LOGFIRE_INPUTS: Final = ("raw_input", "request_data")
LOGFIRE_OUTPUTS: Final = ("response", "response_data")
LOGFIRE_AGENT: Final = "Agent run:"
LOGFIRE_WORKFLOW: Final = "Task:"
LOGFIRE_HANDOFF: Final = "Handoff:"
LOGFIRE_TOOL: Final = "Function:"

TRACELOOP_KIND: Final = "traceloop.span.kind"

TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"
TOOL_STATUS: Final = "gen_ai.tool.status"
MERGED_TOOLS: Final = "(merged tools)"
"""Google's ADK adds one span for the results of tools that ran side by side; each has a span of its own too."""

ADK_SCOPE: Final = "gcp.vertex.agent"
STRANDS_SCOPE: Final = "strands.telemetry.tracer"
STRANDS_SYSTEM: Final = "strands-agents"
FRAMEWORKS: Final = {
    ADK_SCOPE: "google-adk",
    STRANDS_SCOPE: "strands-agents",
    "logfire.openai_agents": "openai-agents",
    "opentelemetry.instrumentation.openai_agents": "openai-agents",
}
"""Whose spans those of a scope are."""
SYSTEMS: Final = ("gen_ai.system", "gen_ai.provider.name")

ERROR_TYPE: Final = "error.type"

HEARS: Final = frozenset({"transcription", "speech_to_text", "stt", "user_speech"})
SPEAKS: Final = frozenset({"speech_group", "speech", "text_to_speech", "tts"})
SPEECH_GROUP: Final = "speech_group"
USER_SPEECH: Final = "user_speech"
"""A span of the realtime drafts: what it was given is what the customer said."""
HANDOFFS: Final = frozenset({"handoff", "agent_handoff"})
WORKFLOWS: Final = frozenset({"invoke_workflow"})
INVOKE_AGENT: Final = "invoke_agent"
EXECUTE_TOOL: Final = "execute_tool"
SILENT: Final = frozenset(
    {"embeddings", "create_agent", "retrieval", "handoff", "agent_handoff", "plan", "guardrail", "guardrail_check"}
)
"""Operations whose messages are not spoken."""
