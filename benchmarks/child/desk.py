"""What a child knows and keeps between two commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Desk:
    """A contestant's name, the port of the loopback receiver, a directory of its own, and what it made so far."""

    contestant: str
    port: int
    directory: str
    _made: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, maker: Callable[[], Any]) -> Any:  # noqa: ANN401 - as made
        """Returns what the maker returned when this name was first asked for."""
        if name not in self._made:
            self._made[name] = maker()
        return self._made[name]
