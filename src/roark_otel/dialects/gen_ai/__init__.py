"""The OpenTelemetry GenAI conventions, current and old, as agent frameworks and instrumentations speak them.

    invoke_workflow, invoke_agent    a run of agents or of one: who it is, sometimes what was asked and answered
    |- chat, generate_content        a model: the whole history, and its answer
    |- execute_tool                  a tool that ran
    |- transcription, speech         of a voice pipeline: the words of the customer, those of the agent
    `- realtime_inference            a realtime model that spoke; `user_speech`: the customer did

Messages are attributes of a span, its events, one attribute for each field, or logfire's lists. Histories repeat
everything that was said before, and several spans hold one answer: `roark_otel.dialects.chat` says each thing once.

`names` is the vocabulary, `proposals` that of conventions to come. `sources` finds the messages of a span, `tools`
reads those that ran, `voice` the words of a voice pipeline, `live` the times of a realtime session, `voice_live` the
events of Azure's, and `reader` puts it together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.dialect import Dialect
from roark_otel.dialects.gen_ai import names
from roark_otel.dialects.gen_ai.privacy import HARMLESS, WORDS

if TYPE_CHECKING:
    from roark_otel._model.dialect import Reader, Warn


def _reader(warn: Warn) -> Reader:
    from roark_otel.dialects.gen_ai.reader import GenAiReader

    return GenAiReader(warn)


GEN_AI: Dialect = Dialect(
    name=names.DIALECT,
    reader=_reader,
    attributes=(
        *(names.PREFIX, names.PLACE, "openinference.", "logfire.", "traceloop.", "exception.", "error.type"),
        *(names.ADK_REQUEST, names.ADK_RESPONSE, *names.TOOL_ARGUMENTS[1:], *names.TOOL_RESULTS[1:], names.MCP_METHOD),
        *(names.PYDANTIC_REALTIME, names.PYDANTIC_STATE, names.PYDANTIC_MESSAGES, names.LANGSMITH_KIND),
        *("events", "raw_input", "request_data", "response", "response_data", "name", "input", "output"),
        *("content", "message", "role", "id", "tool_calls", "parts", "event.name", "type", "arguments"),
    ),
    prefixes=(names.PREFIX, names.PYDANTIC_PREFIX),
    live=True,
    generic=True,
    words=WORDS,
    harmless=HARMLESS,
    distributions=names.DISTRIBUTIONS,
    cures={
        "content": "set OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY with "
        "OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental (Azure: only the first, =true; Traceloop: "
        "TRACELOOP_TRACE_CONTENT=true; ADK 1: ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS=true); where it is EVENT_ONLY, "
        "add RoarkLogRecordProcessor() to the logger provider",
        "realtime": "live sessions of ADK and Strands write no words on spans: put roark.transcript events on one",
    },
)
"""Reads any span with a `gen_ai.*` name. It has no roots: chat apps write such spans too, and a chat is not a call."""
