"""The README's examples do what they say, pasted as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_first_example_makes_a_call(sandbox: Sandbox) -> None:
    """Pasted as it stands, with a key in the environment, it ends with a call at Roark."""
    environment = os.environ | {"ROARK_API_KEY": "key", "ROARK_BASE_URL": sandbox.url}

    run = subprocess.run(  # noqa: S603 - our own README
        [sys.executable, "-W", "error", "-c", _blocks("python")[0]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    (call,) = sandbox.calls()
    assert call["externalId"] == "call-123"
    assert [entry["text"] for entry in call["transcript"]] == ["Hello, how can I help?", "Where is my order?"]


def test_every_python_block_compiles() -> None:
    """No example has a slip of the pen."""
    for block in _blocks("python"):
        compile(block, "README.md", "exec")
