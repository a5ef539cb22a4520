"""The names that an app may put on spans, and on the resource, to tell Roark about a conversation.

Attributes go on any span of the conversation or on the resource; a span wins over the resource and the later value
wins. Events go on any span of the conversation; the time of the event is when it began.
"""

from typing import Final

EXTERNAL_ID: Final = "roark.external_id"
"""The id of the call: 1 to 255 characters, unique in a Roark project. It makes a span ours and links its trace."""

RECORDING_URL: Final = "roark.recording_url"
"""Where the recording is (http or https; WAV, MP3, MP4 or OGG; may be signed)."""

STEREO_RECORDING_URL: Final = "roark.stereo_recording_url"
"""Where the two-channel recording is."""

STARTED_AT: Final = "roark.started_at"
"""ISO 8601 with offset: sample 0 of the recording and zero of all offsets. Default: the start of the root span."""

INTERFACE_TYPE: Final = "roark.interface_type"
"""PHONE or WEB."""

CALL_DIRECTION: Final = "roark.call_direction"
"""INBOUND or OUTBOUND."""

ENDED_STATUS: Final = "roark.ended_status"
"""How the call ended, one of `roark_otel.types.EndedStatus`; it wins over whatever a framework's spans say."""

AGENT_NAME: Final = "roark.agent.name"
"""The agent's name. Every agent attribute on a span below the root says who spoke or called there."""

AGENT_CUSTOM_ID: Final = "roark.agent.custom_id"
"""Your own id of the agent."""

AGENT_ROARK_ID: Final = "roark.agent.roark_id"
"""Roark's id of the agent."""

AGENT_DESCRIPTION: Final = "roark.agent.description"
"""What the agent does."""

AGENT_PROMPT: Final = "roark.agent.prompt"
"""The agent's resolved system prompt."""

AGENT_ENDPOINT_ID: Final = "roark.agent.endpoint.id"
"""Roark's id of the endpoint that was called."""

AGENT_ENDPOINT_TYPE: Final = "roark.agent.endpoint.type"
"""phone or websocket."""

AGENT_ENDPOINT_VALUE: Final = "roark.agent.endpoint.value"
"""The phone number (E.164) or websocket URL of the endpoint."""

AGENT_ENDPOINT_DIRECTION: Final = "roark.agent.endpoint.direction"
"""The direction that the endpoint serves."""

CUSTOMER_PHONE_NUMBER: Final = "roark.customer.phone_number"
"""The customer's phone number, E.164. With the exact start it is how Roark finds the simulation of a call."""

CUSTOMER_LABEL: Final = "roark.customer.label"
"""What the customer is called in the transcript."""

LIVEKIT_ROOM_ID: Final = "roark.livekit_room_id"
"""The LiveKit room id (`RM_…`); excludes `VAPI_CALL_ID`."""

LIVEKIT_ROOM_ID_RESOURCE: Final = "livekit.room.id"
"""The same under the name that Roark's trace collector reads from the resource."""

VAPI_CALL_ID: Final = "roark.vapi_call_id"
"""The Vapi call id (a UUID); excludes the LiveKit room id."""

PROPERTY_PREFIX: Final = "roark.property."
"""`roark.property.<name>` becomes the call's property `<name>`."""

CONVERSATION_ROOT: Final = "roark.conversation.root"
"""true marks the span whose end ends the conversation."""

SKIP: Final = "roark.skip"
"""true: this conversation is not sent."""

TRANSCRIPT_EVENT: Final = "roark.transcript"
"""One utterance: `role`, `text`; optional `duration_ms`, `language_code`, `interrupted`, `agent.custom_id`,
`agent.roark_id`, `customer.label`, `customer.phone_number`, `payload` (JSON object)."""

TOOL_INVOCATION_EVENT: Final = "roark.tool_invocation"
"""One tool use: `name`; optional `id`, `parameters` (JSON object), `result` (JSON or text), `error`, `duration_ms`,
`description`, `agent.custom_id`, `agent.roark_id`."""

TOOL_CALL_EVENT: Final = "roark.tool_call"
"""The first half of a tool use, paired with its `roark.tool_result` by `id`."""

TOOL_RESULT_EVENT: Final = "roark.tool_result"
"""The second half of a tool use: `id`; `result` or `error`."""

PREFIX: Final = "roark."
"""What every name above that is our own begins with."""
