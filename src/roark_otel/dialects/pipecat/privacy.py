"""Which attributes of Pipecat hold content, and which are harmless without it."""

from typing import Final

from roark_otel._model.dialect import Harmless, Words
from roark_otel.dialects.heard.names import WORDS as HEARD

_OWN: Final = Words(
    names=frozenset(
        {
            *("input", "output_items", "system_instruction", "system_instructions", "text", "tool_calls", "tools"),
            "transcript",
        }
    ),
    whole=frozenset({"args", "arguments", "output", "parameters", "response", "result"}),
    structure=frozenset(
        {
            *("call_id", "function_call_id", "id", "name", "role", "status", "tool_call_id", "tool_use_id", "type"),
        }
    ),
    states=frozenset({"IN_PROGRESS", "COMPLETED", "CANCELLED"}),
)
"""The keys are those of histories, in the shape of any provider; a state stands there in the place of a result."""

WORDS: Final = Words.joined((_OWN, HEARD))

HARMLESS: Final = Harmless(
    names=frozenset(
        {
            "conversation.id",
            "conversation.type",
            "language",
            "tool.call_id",
            "tool.function_name",
            "tool.result_status",
            "tts.interrupted",
            "turn.was_interrupted",
        }
    ),
    numbers=("metrics.", "turn."),
)
