"""A real agent of LiveKit for Node, in a process of its own: its call, and what was really said and done in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from support.node_exporters import node_modules

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE: Final = Path(__file__).parent.parent / "livekit"

SCENARIOS: Final = ("hours", "order")
"""A greeting by `say()` and two answers; a greeting of the model, and a tool between two texts."""

SECONDS: Final = 300
"""The longest that a call may take, on however slow a machine: it takes 9 s of real time."""


@dataclass(frozen=True, slots=True)
class Held:
    """What was said, by whom, and which tools were used with what result, each in order."""

    transcript: list[tuple[str, str]]
    tools: list[tuple[str, Any, Any]]


def held_by_livekit(scenario: str, url: str, token: str, external_id: str, folder: Path) -> Held:
    """Holds a call, whose spans are exported to an endpoint. Skips the test without Node or its packages.

    Args:
        scenario: One of `SCENARIOS`.
        url: Where the spans are exported to.
        token: What the endpoint asks for.
        external_id: Stands on the last span alone.
        folder: Where the process runs. Modules are found from where a script is, so that its scripts are copied there.

    Returns:
        What the line, the customer and the tools of the agent noted, which never see a span.
    """
    modules = node_modules(HERE / "package.json")
    node = shutil.which("node")
    assert node is not None
    folder.mkdir(exist_ok=True)
    for script in HERE.glob("*.mjs"):
        shutil.copy(script, folder)
    (folder / "node_modules").symlink_to(modules)
    _skip_without_native_parts(node, folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "LIVEKIT_"))}
    done = subprocess.run(
        [node, "call.mjs", scenario, url, token, external_id],
        cwd=folder,
        env=kept,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    tools = [(one["name"], one["parameters"], one["result"]) for one in found["tools"]]
    return Held([(role, text) for role, text in found["transcript"]], tools)


def _skip_without_native_parts(node: str, folder: Path) -> None:
    """Skips the test where LiveKit has no build of its audio for this machine: npm installs it without."""
    command = [node, "--input-type=module", "--eval", 'await import("@livekit/rtc-node")']
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        pytest.skip(f"@livekit/rtc-node does not run here: {done.stderr[-300:]}")


def held_in(call: Mapping[str, Any]) -> Held:
    """Returns what a call says of the same."""
    transcript = [(one["role"], one["text"]) for one in call.get("transcript", ())]
    tools = [(one["name"], one["parameters"], one["result"]) for one in call.get("toolInvocations", ())]
    return Held(transcript, tools)
