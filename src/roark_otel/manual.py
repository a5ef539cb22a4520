"""What an app calls itself: telling the spans of a call what they belong to."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING

from opentelemetry import baggage
from opentelemetry import context as otel_context

from roark_otel import attributes
from roark_otel.callcontext import with_call_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context


class call_attributes(AbstractContextManager[None], AbstractAsyncContextManager[None]):  # noqa: N801 - reads as a verb
    """Gives every span that starts inside the attributes of one call, also those of frameworks that you do not start.

    Use it with `with` or `async with`. The first span of each trace that starts inside is stamped with
    `roark.external_id`, so that the trace links to the call.

    Args:
        external_id: The id of the call, 1 to 255 characters.
        recording_url: Where its recording is or will be.
        stereo_recording_url: Where its two-channel recording is.
        interface_type: PHONE or WEB.
        call_direction: INBOUND or OUTBOUND.
        agent_name: The agent's name.
        agent_custom_id: Your id of the agent.
        customer_phone_number: The customer's number, E.164.
        properties: Properties of the call.
        as_baggage: Also carry the id to other processes: it becomes a header of every outgoing request.
    """

    def __init__(
        self,
        *,
        external_id: str | None = None,
        recording_url: str | None = None,
        stereo_recording_url: str | None = None,
        interface_type: str | None = None,
        call_direction: str | None = None,
        agent_name: str | None = None,
        agent_custom_id: str | None = None,
        customer_phone_number: str | None = None,
        properties: Mapping[str, str | bool | int | float] | None = None,
        as_baggage: bool = False,
    ) -> None:
        told: dict[str, object] = {
            attributes.EXTERNAL_ID: external_id,
            attributes.RECORDING_URL: recording_url,
            attributes.STEREO_RECORDING_URL: stereo_recording_url,
            attributes.INTERFACE_TYPE: interface_type,
            attributes.CALL_DIRECTION: call_direction,
            attributes.AGENT_NAME: agent_name,
            attributes.AGENT_CUSTOM_ID: agent_custom_id,
            attributes.CUSTOMER_PHONE_NUMBER: customer_phone_number,
        }
        told |= {f"{attributes.PROPERTY_PREFIX}{name}": value for name, value in (properties or {}).items()}
        self._told = {name: value for name, value in told.items() if value is not None}
        self._baggage_id = external_id if as_baggage else None
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> None:
        context = with_call_attributes(self._told)
        if self._baggage_id is not None:
            context = baggage.set_baggage(attributes.EXTERNAL_ID, self._baggage_id, context)
        self._tokens.append(otel_context.attach(context))

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        otel_context.detach(self._tokens.pop())

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, fault, traceback)
