"""The names that an app may put on spans, and on the resource, to describe a conversation.

Attributes go on any span of the conversation or on the resource. A span wins over the resource, and a later value wins
over an earlier one. Events go on any span of the conversation; the event's time is when the utterance or the tool use
began.
"""

from typing import Final

EXTERNAL_ID: Final = "roark.external_id"
"""The id of the call: 1 to 255 characters, unique in a Roark project. It links the trace
of the spans that carry it."""

RECORDING_URL: Final = "roark.recording_url"
"""The URL of the recording (http or https; WAV, MP3, MP4 or OGG; may be signed)."""

STEREO_RECORDING_URL: Final = "roark.stereo_recording_url"
"""The URL of the two-channel recording."""

STARTED_AT: Final = "roark.started_at"
"""ISO 8601 with offset: sample 0 of the recording and zero of all offsets. Default: the start of the root span."""

INTERFACE_TYPE: Final = "roark.interface_type"
"""PHONE or WEB."""

CALL_DIRECTION: Final = "roark.call_direction"
"""INBOUND or OUTBOUND."""

ENDED_STATUS: Final = "roark.ended_status"
"""How the call ended, one of `roark_otel.types.EndedStatus`; it wins over the spans of a framework."""

AGENT_NAME: Final = "roark.agent.name"
"""The agent's name. On a span below the root, agent attributes name the agent that spoke or used a tool
there."""

AGENT_CUSTOM_ID: Final = "roark.agent.custom_id"
"""Your own id of the agent."""

AGENT_ROARK_ID: Final = "roark.agent.roark_id"
"""Roark's id of the agent."""

AGENT_DESCRIPTION: Final = "roark.agent.description"
"""A description of the agent."""

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
"""The customer's phone number, E.164. With the exact start, Roark finds the simulation of a call by it."""

CUSTOMER_LABEL: Final = "roark.customer.label"
"""The customer's name in the transcript."""

LIVEKIT_ROOM_ID: Final = "roark.livekit_room_id"
"""The LiveKit room id (`RM_…`); excludes `VAPI_CALL_ID`."""

LIVEKIT_ROOM_ID_RESOURCE: Final = "livekit.room.id"
"""The LiveKit room id under the name that Roark's trace collector reads from the resource."""

VAPI_CALL_ID: Final = "roark.vapi_call_id"
"""The Vapi call id (a UUID); excludes the LiveKit room id."""

PROPERTY_PREFIX: Final = "roark.property."
"""`roark.property.<name>` becomes the call's property `<name>`."""

CONVERSATION_ROOT: Final = "roark.conversation.root"
"""true marks the span whose end ends the conversation."""

SKIP: Final = "roark.skip"
"""true keeps this conversation from being sent."""

TRANSCRIPT_EVENT: Final = "roark.transcript"
"""One utterance: `role` (the agent: agent, ai, assistant, bot, model; the customer: caller, customer, human, user),
`text`; optional `duration_ms`, `language_code`, `interrupted`, `agent.custom_id`, `agent.roark_id`, `customer.label`,
`customer.phone_number`, `payload` (JSON object)."""

TOOL_INVOCATION_EVENT: Final = "roark.tool_invocation"
"""One tool use: `name`; optional `id`, `parameters` (JSON object), `result` (JSON or text), `error`, `duration_ms`,
`description`, `agent.custom_id`, `agent.roark_id`."""

TOOL_CALL_EVENT: Final = "roark.tool_call"
"""The first half of a tool use, paired with its `roark.tool_result` by `id`, else by `name` and order."""

TOOL_RESULT_EVENT: Final = "roark.tool_result"
"""The second half of a tool use: `id` or `name`; `result` or `error`."""

PREFIX: Final = "roark."
"""The beginning of every name above except `livekit.room.id`."""
