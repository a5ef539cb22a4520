"""Stored calls, and the outcomes of storing and changing one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from roark_otel.sandbox.json_values import JsonObject


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call as a test reads it.

    Attributes:
        id: Roark's id of the call.
        external_id: The sender's id of the call.
        body: The JSON exactly as it was posted.
        tool_invocations: Those posted with the call, then those appended later.
        trace_ids: The ids of the traces linked to the call, in hex, in order of arrival.
    """

    id: str
    external_id: str
    body: dict[str, Any]
    tool_invocations: tuple[dict[str, Any], ...]
    trace_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One row of the calls, with its body parsed."""

    id: str
    project_id: str
    external_id: str | None
    created_at: str
    updated_at: str
    started_at: str
    ended_at: str | None
    duration_ms: int | None
    status: str
    body: JsonObject


@dataclass(frozen=True, slots=True)
class Taken:
    """The project already has a call with this external id."""

    external_id: str


@dataclass(frozen=True, slots=True)
class WrongType:
    """A property was sent with another type than it has in the project.

    Attributes:
        key: The name of the property, as it was sent.
        stored: The type that it has in the project.
    """

    key: str
    stored: str


@dataclass(frozen=True, slots=True)
class Appended:
    """Tool invocations were added to a call."""

    added: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Patched:
    """Properties of a call were changed. The names are in snake_case, as stored."""

    updated: tuple[str, ...]
    removed: tuple[str, ...]


Creation: TypeAlias = CallRecord | Taken | WrongType
Patching: TypeAlias = Patched | WrongType
