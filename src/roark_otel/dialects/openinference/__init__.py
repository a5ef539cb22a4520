"""The OpenInference conventions, as its instrumentations speak them.

The kind of a span says what it is: `AGENT` and `CHAIN` a run, `LLM` a model with its history and its answer, `TOOL` a
tool that ran. Pipecat's instrumentation makes a `pipecat.conversation.turn` for each turn, which holds the words of
both sides as they were heard, with `pipecat.stt`, `pipecat.tts` and `pipecat.llm` below it, which say when. That of the
OpenAI Agents SDK makes a `conversation.turn` for each turn of a realtime session, of the kind `AUDIO`, with `user` and
`assistant` below it, which hold the words.

`names` is the vocabulary. `sources` finds the messages of a span, `pipecat_turns` and `realtime_turns` read turns, and
`reader` puts it together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.dialect import Dialect
from roark_otel.dialects.openinference import names
from roark_otel.dialects.openinference.privacy import HARMLESS, WORDS

if TYPE_CHECKING:
    from roark_otel._model.dialect import Reader, Warn


def _reader(warn: Warn) -> Reader:
    from roark_otel.dialects.openinference.reader import OpenInferenceReader

    return OpenInferenceReader(warn)


OPENINFERENCE: Dialect = Dialect(
    name="openinference",
    reader=_reader,
    attributes=(
        *("openinference.", "llm.", "tool.", "tool_call.", "conversation.", "service.", "exception.", "error.type"),
        *("input.value", "output.value", "agent.name", "graph.node.id"),
        *(names.INPUT_TRANSCRIPT, names.OUTPUT_TRANSCRIPT, names.FIRST_AUDIO, names.END_REASON),
    ),
    prefixes=("openinference.", "llm.input_messages.", "llm.output_messages."),
    live=True,
    generic=True,
    words=WORDS,
    harmless=HARMLESS,
    cures={"content": "unset OPENINFERENCE_HIDE_INPUTS, OPENINFERENCE_HIDE_OUTPUTS and what else begins so"},
    distributions={"openai-agents": "openai-agents", "pipecat": "pipecat-ai"},
)
"""Reads any span with an OpenInference kind. It has no roots: chat apps write them too, and a chat is not a call."""
