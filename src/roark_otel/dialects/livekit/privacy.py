"""Which attributes of LiveKit hold content, and which are harmless without it."""

from typing import Final

from roark_otel._model.dialect import Harmless, Words
from roark_otel.dialects.heard.names import WORDS as HEARD

_OWN: Final = Words(
    names=frozenset(
        {
            *("chat_ctx", "description", "events", "function_calls", "input_text", "instructions", "text"),
            *("user_input", "user_transcript"),
        }
    ),
    whole=frozenset({"arguments", "output"}),
    structure=frozenset({"call_id", "group_id", "id", "interrupted", "language", "name", "role", "type"}),
)
"""Each with the prefix `lk.` or `lk.pii.`; the keys are those of a chat context."""

WORDS: Final = Words.joined((_OWN, HEARD))

HARMLESS: Final = Harmless(
    names=frozenset(
        {
            "lk.agent_label",
            "lk.amd.category",
            "lk.agent_name",
            "lk.close_reason",
            "lk.disconnect_reason",
            "lk.function_tool.id",
            "lk.function_tool.is_error",
            "lk.function_tool.name",
            "lk.generation_id",
            "lk.interrupted",
            "lk.job_id",
            "lk.participant_kind",
            "lk.room_sid",
            "lk.shutdown.reason",
            "lk.speech_id",
            "job_id",
            "room_id",
        }
    ),
    numbers=("lk.",),
    private_numbers=("lk.pii.", "lk.function_tool.", "lk.sip.", "lk.user_input", "lk.user_transcript"),
)
