"""A finished conversation, as it is handed to linking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.moments import Moment

DROPPED_SPANS: Final = "roark_dropped_spans"
"""The property that says how many spans there was no room for."""

DROPPED_EVENTS: Final = "roark_dropped_events"
"""The property that says how many events were dropped before they were read: by the SDK, or with their spans."""

LOSSES: Final = (DROPPED_SPANS, DROPPED_EVENTS)
"""The properties that count what is missing in a call: those of its parts add up."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The root ended without an error."""


@dataclass(frozen=True, slots=True)
class Errored:
    """The root ended with status ERROR. `exceptions`: the types of the exceptions that it recorded."""

    exceptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeverEnded:
    """The root had not ended when the conversation had to be closed."""


Ending: TypeAlias = "Ended | Errored | NeverEnded"


@dataclass(frozen=True, slots=True)
class FinishedConversation:
    """The moments of one external id and one root, by dialect, the highest dialect first.

    Times are nanoseconds since the epoch. `file_span_id` names the call in the spool, and stays the same if a stronger
    root starts later. `generic` names the dialects that only repeat the report of a voice framework's own dialect.
    `notes` become properties of the call: they count what was lost or could not be done.
    """

    external_id: str
    trace_id: int
    root_span_id: int
    file_span_id: int
    started_ns: int
    ended_ns: int
    ending: Ending
    moments: tuple[tuple[str, tuple[Moment, ...]], ...]
    generic: frozenset[str] = frozenset()
    service_name: str | None = None
    notes: Mapping[str, int | bool] = field(default_factory=dict[str, "int | bool"])
