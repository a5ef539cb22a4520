"""The names that GenAI instrumentations put on spans. The conventions still change: all of these are in use."""

from typing import Final

from roark_otel.dialects.gen_ai import proposals
from roark_otel.dialects.heard.names import scope_of

DIALECT: Final = "gen_ai"

OPENINFERENCE_KIND: Final = "openinference.span.kind"
"""A span with it follows OpenInference, whose own dialect reads it; some follow both conventions."""

PREFIX: Final = "gen_ai."
OPERATION: Final = "gen_ai.operation.name"
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_DESCRIPTION: Final = "gen_ai.agent.description"
PLACEHOLDER: Final = ("OpenAI Agent", "agent", "OpenAI Agents instrumentation")
"""What the OpenTelemetry bridge of the OpenAI Agents SDK says where it knows no agent: name, id, description."""

MODELS: Final = ("gen_ai.request.model", "gen_ai.response.model")
"""A span with one of these is of a call of a model, whatever its operation."""

INPUT: Final = "gen_ai.input.messages"
OUTPUT: Final = "gen_ai.output.messages"
INSTRUCTIONS: Final = "gen_ai.system_instructions"
DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"

ROLE: Final = "the role of a message"
"""What a warning calls it, wherever a span has its messages."""

SYSTEM_EVENT: Final = "gen_ai.system.message"
USER_EVENT: Final = "gen_ai.user.message"
ASSISTANT_EVENT: Final = "gen_ai.assistant.message"
TOOL_EVENT: Final = "gen_ai.tool.message"
CHOICE_EVENT: Final = "gen_ai.choice"
MESSAGE_EVENTS: Final = frozenset({SYSTEM_EVENT, USER_EVENT, ASSISTANT_EVENT, TOOL_EVENT, CHOICE_EVENT})

EVENT_CONTENT: Final = "gen_ai.event.content"
"""The body of an event in one attribute, as Azure's SDKs write it."""
INSTRUCTIONS_EVENT: Final = "gen_ai.system.instructions"

LOGGED_SCOPE: Final = scope_of(DIALECT)
"""The scope of the spans that stand for log events, and for what completion hooks are given."""
PLACE: Final = "heard.place"
"""The place of a log event among all of its process: those of one span have times that may be equal."""
WITH_WORDS: Final = frozenset({INPUT, OUTPUT, INSTRUCTIONS, EVENT_CONTENT})
ELIDED: Final = "<elided>"
"""What Google's ADK logs in the place of content that is off."""

PROMPT: Final = "gen_ai.prompt"
COMPLETION: Final = "gen_ai.completion"
"""All of it in one attribute, as LangSmith writes it and the conventions did before 1.28: JSON, or text."""
PROMPT_PREFIX: Final = "gen_ai.prompt."
COMPLETION_PREFIX: Final = "gen_ai.completion."
"""Each with a number: `gen_ai.prompt.0.role`."""

OUTPUT_TYPE: Final = "gen_ai.output.type"
RESPONSE_FORMAT: Final = "gen_ai.openai.request.response_format"
DATA_FORMATS: Final = frozenset({"json", "json_object", "json_schema"})
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"

LOGFIRE_TEMPLATE: Final = "logfire.msg_template"
LOGFIRE_EVENTS: Final = "events"
LOGFIRE_INPUTS: Final = ("raw_input", "request_data")
LOGFIRE_OUTPUTS: Final = ("response", "response_data")
LOGFIRE_AGENT: Final = "Agent run:"
LOGFIRE_WORKFLOW: Final = "Task:"
LOGFIRE_HANDOFF: Final = "Handoff:"
LOGFIRE_TOOL: Final = "Function:"

TRACELOOP_KIND: Final = "traceloop.span.kind"

LANGSMITH_KIND: Final = "langsmith.span.kind"
LANGSMITH_MODEL: Final = "llm"
LANGSMITH_TOOL: Final = "tool"
LANGSMITH_CHAIN: Final = "chain"

TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
TOOL_ARGUMENTS: Final = ("gen_ai.tool.call.arguments", "tool_arguments", "gcp.vertex.agent.tool_call_args")
TOOL_RESULTS: Final = ("gen_ai.tool.call.result", "tool_response", "gcp.vertex.agent.tool_response")
"""The names of the conventions, of pydantic-ai before its version 3 of them, and of Google's ADK 1."""
TOOL_STATUS: Final = "gen_ai.tool.status"
MERGED_TOOLS: Final = "(merged tools)"
"""Google's ADK adds one span for the results of tools that ran side by side; each has a span of its own too."""

MCP_METHOD: Final = "mcp.method.name"
MCP_CALL: Final = "tools/call"
"""The request of a tool by the Model Context Protocol, in the client's span and below it in the server's."""

ADK_SCOPE: Final = "gcp.vertex.agent"
ADK_REQUEST: Final = "gcp.vertex.agent.llm_request"
ADK_RESPONSE: Final = "gcp.vertex.agent.llm_response"
"""What Google's ADK 1 writes by default."""

PYDANTIC_SCOPE: Final = "pydantic-ai"
PYDANTIC_PREFIX: Final = "pydantic_ai."
PYDANTIC_REALTIME: Final = "pydantic_ai.realtime"
PYDANTIC_STATE: Final = "pydantic_ai.response.state"
PYDANTIC_MESSAGES: Final = "pydantic_ai.all_messages"
PYDANTIC_USER_SPEECH: Final = "user speech"

VOICE_LIVE_SYSTEM: Final = "az.ai.voicelive"
VOICE_LIVE: Final = "azure-ai-voicelive"
VOICE_LIVE_EVENT: Final = "gen_ai.voice.event_type"
VOICE_LIVE_ITEM: Final = "gen_ai.voice.item_id"
STRANDS_SCOPE: Final = "strands.telemetry.tracer"
STRANDS_SYSTEM: Final = "strands-agents"
FRAMEWORKS: Final = {
    ADK_SCOPE: "google-adk",
    STRANDS_SCOPE: "strands-agents",
    PYDANTIC_SCOPE: "pydantic-ai",
    "logfire.openai_agents": "openai-agents",
    "opentelemetry.instrumentation.openai_agents": "openai-agents",
}
"""Whose spans those of a scope are."""
DISTRIBUTIONS: Final = {
    **{name: name for name in (*FRAMEWORKS.values(), VOICE_LIVE)},
    "pydantic-ai": "pydantic-ai-slim",  # which the whole one installs
}
SYSTEMS: Final = ("gen_ai.system", "gen_ai.provider.name")

ERROR_TYPE: Final = "error.type"

HEARS: Final = frozenset({"transcription", "stt", *proposals.TRANSCRIBES})
SPEAKS: Final = frozenset({"speech_group", "speech", "tts", *proposals.SYNTHESIZES})
SPEECH_GROUP: Final = "speech_group"
HANDOFFS: Final = frozenset({"handoff", "agent_handoff"})
WORKFLOWS: Final = frozenset({"invoke_workflow"})
INVOKE_AGENT: Final = "invoke_agent"
EXECUTE_TOOL: Final = "execute_tool"
SILENT: Final = frozenset(
    {
        *("embeddings", "create_agent", "retrieval", "handoff", "agent_handoff", "plan", "guardrail"),
        *("guardrail_check", *proposals.SESSIONS),
    }
)
"""Operations whose messages are not spoken."""
PROMPTED: Final = "text_completion"
"""A model that goes on with a text. What it is given is a prompt, and nothing that was said."""
