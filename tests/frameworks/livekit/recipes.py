"""README's own lines for LiveKit, run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from livekit.agents import AgentServer, JobContext, JobProcess

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_README = Path(__file__).parents[3] / "README.md"


def entrypoint(session: object, agent: object) -> Callable[[Any], Awaitable[None]]:
    """The entrypoint of a worker that README shows; its session and its agent are these."""
    blocks = re.findall(r"```python\n(.*?)```", _README.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "def entrypoint" in block]
    known: dict[str, Any] = {
        "__name__": "worker",
        "Agent": lambda instructions: agent,  # noqa: ARG005 - as README calls it
        "AgentServer": AgentServer,
        "AgentSession": lambda **models: session,  # noqa: ARG005
        "JobContext": JobContext,
        "JobProcess": JobProcess,
        "cli": SimpleNamespace(),
    }
    code, replaced = re.subn(r"^from livekit.*\n", "", block, flags=re.MULTILINE)
    assert replaced == 1
    exec(compile(code, _README.name, "exec"), known)  # noqa: S102 - our own README
    found: Callable[[Any], Awaitable[None]] = known["entrypoint"]
    return found
