"""The body of a call as Roark's API takes it: `POST /v1/call`, in Roark's own names.

Required fields are required, names are camelCase on the wire, and a field that was not set is not sent. The rules are
those of Roark's public API documentation and its published Python SDK 7.6.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Self

from roark_otel._model.enums import CallDirection, EndedStatus, InterfaceType
from roark_otel._model.formats import is_e164, is_http_url


def _phone_number(value: str) -> str:
    if not is_e164(value):
        raise ValueError("must be a phone number in E.164 format, such as +15550100")
    return value


def _url(value: str) -> str:
    if not is_http_url(value):
        raise ValueError("must be an absolute http or https URL")
    return value


def _iso_ms(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


PhoneNumber: TypeAlias = Annotated[str, AfterValidator(_phone_number)]
Url: TypeAlias = Annotated[str, AfterValidator(_url)]
WireTime: TypeAlias = Annotated[AwareDatetime, PlainSerializer(_iso_ms)]
OffsetMs: TypeAlias = Annotated[int, Field(ge=0, strict=True)]
Scalar: TypeAlias = str | bool | int | float


class Wire(BaseModel):
    """The base of all parts of a call: frozen, camelCase on the wire, no unknown fields."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


class EndpointById(Wire):
    """An endpoint that Roark knows."""

    id: str


class EndpointByValue(Wire):
    """An endpoint by its address: a phone number or a websocket URL."""

    type: str
    value: str
    direction: str | None = None


Endpoint: TypeAlias = EndpointById | EndpointByValue


class AgentPrompt(Wire):
    """The prompt that the agent had in this call."""

    resolved_prompt: str


class AgentByRoarkId(Wire):
    """An agent by Roark's id."""

    roark_id: str
    endpoint: Endpoint | None = None
    prompt: AgentPrompt | None = None


class AgentByCustomId(Wire):
    """An agent by the app's own id, where Roark knows that id already."""

    custom_id: str
    endpoint: Endpoint | None = None
    prompt: AgentPrompt | None = None


class AgentByName(Wire):
    """An agent by name: Roark finds it by custom id or name, else creates it."""

    name: str
    custom_id: str | None = None
    description: str | None = None
    endpoint: Endpoint | None = None
    prompt: AgentPrompt | None = None


CallAgent: TypeAlias = AgentByRoarkId | AgentByName | AgentByCustomId


class CallCustomer(Wire):
    """A customer of the call. The number is required, and null where it is unknown."""

    phone_number_e164: Annotated[PhoneNumber | None, Field(alias="phoneNumberE164")]
    label: str | None = None


class AgentReference(Wire):
    """Refers to one of the call's agents."""

    custom_id: str | None = None
    roark_id: str | None = None


class CustomerReference(Wire):
    """Refers to one of the call's customers."""

    label: str | None = None
    phone_number_e164: Annotated[PhoneNumber | None, Field(alias="phoneNumberE164")] = None


class _Timed(Wire):
    start_offset_ms: OffsetMs
    end_offset_ms: OffsetMs

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.end_offset_ms < self.start_offset_ms:
            raise ValueError("endOffsetMs must not be before startOffsetMs")
        return self


class AgentEntry(_Timed):
    """An utterance of an agent. Offsets are ms from the start of the call."""

    role: Literal["AGENT"]
    text: str
    language_code: str | None = None
    payload: dict[str, JsonValue] | None = None
    agent: AgentReference | None = None


class CustomerEntry(_Timed):
    """An utterance of a customer. Offsets are ms from the start of the call."""

    role: Literal["CUSTOMER"]
    text: str
    language_code: str | None = None
    payload: dict[str, JsonValue] | None = None
    customer: CustomerReference | None = None


TranscriptEntry: TypeAlias = Annotated[AgentEntry | CustomerEntry, Field(discriminator="role")]


class ToolInvocation(Wire):
    """One tool use. Offsets are ms from the start of the call."""

    name: str
    parameters: dict[str, JsonValue]
    result: str | dict[str, JsonValue]
    start_offset_ms: OffsetMs
    end_offset_ms: OffsetMs | None = None
    description: str | None = None
    payload: dict[str, JsonValue] | None = None
    agent: AgentReference | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.end_offset_ms is not None and self.end_offset_ms < self.start_offset_ms:
            raise ValueError("endOffsetMs must not be before startOffsetMs")
        return self


class UnrecordedCall(Wire):
    """A call without its recording, which Roark requires: it waits in the spool until it has one."""

    started_at: WireTime
    interface_type: InterfaceType
    call_direction: CallDirection
    external_id: Annotated[str, Field(min_length=1, max_length=255)]
    stereo_recording_url: Url | None = None
    ended_status: EndedStatus | None = None
    transcript: list[TranscriptEntry] | None = None
    tool_invocations: list[ToolInvocation] | None = None
    properties: dict[str, Scalar] | None = None
    agent: CallAgent | None = None
    agents: list[CallAgent] | None = None
    customer: CallCustomer | None = None
    customers: list[CallCustomer] | None = None
    vapi_call_id: str | None = None
    livekit_room_id: str | None = None

    @model_validator(mode="after")
    def _one_of_each_pair(self) -> Self:
        for one, other in (
            ("agent", "agents"),
            ("customer", "customers"),
            ("vapi_call_id", "livekit_room_id"),
        ):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise ValueError(f"{to_camel(one)} and {to_camel(other)} exclude each other")
        return self

    def to_json(self) -> bytes:
        """Serializes the fields that were set, as UTF-8."""
        return self.model_dump_json(by_alias=True, exclude_unset=True).encode()


class Call(UnrecordedCall):
    """The body of `POST /v1/call`."""

    recording_url: Url
