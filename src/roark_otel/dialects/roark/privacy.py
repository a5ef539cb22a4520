"""Which attributes that apps write hold content, and which are harmless without it."""

from typing import Final

from roark_otel import attributes
from roark_otel._model.dialect import Harmless, Words

WORDS: Final = Words(
    names=frozenset({"description", "error", "prompt", "text"}),
    whole=frozenset({"parameters", "payload", "result"}),
)

HARMLESS: Final = Harmless(
    names=frozenset(
        {
            attributes.EXTERNAL_ID,
            attributes.STARTED_AT,
            attributes.INTERFACE_TYPE,
            attributes.CALL_DIRECTION,
            attributes.ENDED_STATUS,
            attributes.AGENT_NAME,
            attributes.AGENT_CUSTOM_ID,
            attributes.AGENT_ROARK_ID,
            attributes.AGENT_ENDPOINT_ID,
            attributes.LIVEKIT_ROOM_ID,
            attributes.LIVEKIT_ROOM_ID_RESOURCE,
            attributes.VAPI_CALL_ID,
            attributes.CONVERSATION_ROOT,
            attributes.SKIP,
        }
    )
)
