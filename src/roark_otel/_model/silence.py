"""The statuses of a call that say who did not speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

SIDES: Final[Mapping[str, frozenset[str]]] = {
    "PARTICIPANTS_DID_NOT_SPEAK": frozenset({"AGENT", "CUSTOMER"}),
    "AGENT_DID_NOT_SPEAK": frozenset({"AGENT"}),
    "CUSTOMER_DID_NOT_SPEAK": frozenset({"CUSTOMER"}),
}
"""Who did not speak, by status: roles as transcript entries have them."""

_STATUSES: Final = {sides: status for status, sides in SIDES.items()}


def status_of(silent: AbstractSet[str]) -> str | None:
    """Returns the status of a call in which these sides did not speak; None if there is none."""
    return _STATUSES.get(frozenset(silent))


def silent_in(status: object) -> frozenset[str]:
    """Returns the sides of which a status says that they did not speak."""
    return SIDES.get(status, frozenset()) if isinstance(status, str) else frozenset()
