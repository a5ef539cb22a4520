"""Which tools were used, each from its own start to its own end."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

CANCELLED: Final = "CANCELLED"
WITHOUT_RESULT: Final = "COMPLETED"
"""What Pipecat gives its model as the result of a tool that was cancelled, and of one that returned nothing."""


@dataclass(slots=True)
class Use:
    """One use of a tool. `result` is None until there is one."""

    name: str
    call_id: str | None
    arguments: object
    agent: str | None
    start_ns: int
    end_ns: int = 0
    result: object = None


@dataclass(slots=True)
class Tools:
    """The tools that run. Two may have one id: some models number them anew in each answer, and some give none.

    Attributes:
        write: Is given each use when it is over.
        last: The use that began last.
    """

    write: Callable[[Use], None]
    last: Use | None = None
    _running: dict[tuple[str | None, str], deque[Use]] = field(
        default_factory=dict[tuple[str | None, str], "deque[Use]"]
    )

    def began(self, use: Use) -> None:
        """Notes that a tool began to run."""
        self.last = use
        self._running.setdefault((use.call_id, use.name), deque()).append(use)

    def ended(self, name: str, call_id: str | None, result: object, at_ns: int) -> None:
        """Notes that a tool returned, or was cancelled. The oldest use of that id is meant."""
        running = self._running.get((call_id, name))
        if running:
            use = running.popleft()
            if not running:
                del self._running[call_id, name]
            self._over(use, result, at_ns)

    def over(self, at_ns: int) -> None:
        """Notes the end of the call: what still runs has no result."""
        for running in self._running.values():
            for use in running:
                self._over(use, None, at_ns)
        self._running.clear()

    def _over(self, use: Use, result: object, at_ns: int) -> None:
        use.result, use.end_ns = result, max(at_ns, use.start_ns)
        self.write(use)
