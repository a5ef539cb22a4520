"""The OpenTelemetry GenAI conventions, current and old, as agent frameworks and instrumentations speak them.

    invoke_workflow, invoke_agent    a run of agents or of one: who it is, sometimes what was asked and answered
    |- chat, generate_content        a model: the whole history, and its answer
    |- execute_tool                  a tool that ran
    `- transcription, speech         of a voice pipeline: the words of the customer, those of the agent

Messages are attributes of a span, its events, one attribute for each field, or logfire's lists. Histories repeat
everything that was said before, and several spans hold one answer: `roark_otel.dialects.chat` says each thing once.

`names` is the vocabulary. `sources` finds the messages of a span, `tools` reads those that ran, `voice` the words of a
voice pipeline, and `reader` puts it together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.dialect import Dialect
from roark_otel.dialects.gen_ai.names import FRAMEWORKS, PREFIX
from roark_otel.dialects.gen_ai.privacy import HARMLESS, WORDS

if TYPE_CHECKING:
    from roark_otel._model.dialect import Reader, Warn


def _reader(warn: Warn) -> Reader:
    from roark_otel.dialects.gen_ai.reader import GenAiReader

    return GenAiReader(warn)


GEN_AI: Dialect = Dialect(
    name="gen_ai",
    reader=_reader,
    attributes=(
        *(PREFIX, "openinference.", "logfire.", "traceloop.", "exception.", "error.type"),
        *("events", "raw_input", "request_data", "response", "response_data", "name", "input", "output"),
        *("content", "message", "role", "id", "tool_calls", "parts", "event.name", "type", "arguments"),
    ),
    prefixes=(PREFIX,),
    live=True,
    generic=True,
    words=WORDS,
    harmless=HARMLESS,
    distributions={name: name for name in FRAMEWORKS.values()},
)
"""Reads any span with a `gen_ai.*` name. It has no roots: chat apps write such spans too, and a chat is not a call."""
