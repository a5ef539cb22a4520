"""README's own lines for LiveKit, run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_README = Path(__file__).parents[3] / "README.md"


def entrypoint(session: object, agent: object) -> Callable[[Any], Awaitable[None]]:
    """The entrypoint of a worker that README shows, for this session and agent."""
    blocks = re.findall(r"```python\n(.*?)```", _README.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "def entrypoint" in block]
    known: dict[str, Any] = {"session": session, "agent": agent}
    exec(compile(block, _README.name, "exec"), known)  # noqa: S102 - our own README
    found: Callable[[Any], Awaitable[None]] = known["entrypoint"]
    return found
