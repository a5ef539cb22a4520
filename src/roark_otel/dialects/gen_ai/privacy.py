"""Which attributes of the GenAI conventions hold content, and which are harmless without it."""

from typing import Final

from roark_otel._model.dialect import Harmless, Words

WORDS: Final = Words(
    names=frozenset(
        {
            *("all_messages", "body", "completion", "content", "contents", "definitions", "description", "error"),
            *("events", "final_result", "input", "llm_request", "llm_response"),
            *("instructions", "json_schema", "message", "messages", "metadata", "model_request_parameters", "msg"),
            *("prompt", "query", "raw_input"),
            *("summary", "system_instruction", "system_instructions", "text", "thinking", "tool_calls", "tools"),
        }
    ),
    whole=frozenset(
        {
            *("args", "arguments", "output", "parameters", "response", "result"),
            *("tool_arguments", "tool_call_args", "tool_response"),
        }
    ),
    structure=frozenset(
        {
            *("call_id", "event.name", "finish_reason", "function_call_id", "group_id", "id", "item_id", "name"),
            *("object", "response_id", "role", "status", "tool_call_id", "toolUseId", "tool_use_id", "type"),
        }
    ),
)
"""Names of attributes and of events, of the conventions of today and before, of logfire and of OpenLLMetry."""

HARMLESS: Final = Harmless(
    names=frozenset(
        {
            "gen_ai.agent.id",
            "gen_ai.agent.invocation.end_reason",
            "gen_ai.agent.name",
            "gen_ai.conversation.id",
            "gen_ai.conversation.turn.end_reason",
            "gen_ai.operation.name",
            "gen_ai.output.type",
            "gen_ai.provider.name",
            "gen_ai.realtime_session.id",
            "gen_ai.request.model",
            "gen_ai.response.id",
            "gen_ai.response.model",
            "gen_ai.speech.input.language",
            "gen_ai.speech.voice",
            "gen_ai.system",
            "gen_ai.tool.call.id",
            "gen_ai.tool.name",
            "gen_ai.tool.type",
            "mcp.method.name",
            "gen_ai.voice.event_type",
            "gen_ai.voice.session_id",
            "langsmith.span.kind",
            "pydantic_ai.realtime",
            "pydantic_ai.response.state",
            "traceloop.span.kind",
        }
    ),
    numbers=("gen_ai.request.", "gen_ai.response.", "gen_ai.server.", "gen_ai.usage."),
)
