"""Finds the blocks of code in README, docs and the other documents, and runs them as a reader would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.helpers import KEY
from support.instrumented import NO_COLLECTOR
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel.sandbox import Sandbox

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code: its document, its heading, its index there, its language."""

    document: str
    heading: str
    number: int
    language: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.document}: {self.heading} {self.number}"


def blocks(language: str) -> list[Block]:
    """Returns the blocks of a language in all documents; those without a language show a screen."""
    found: list[Block] = []
    for document in DOCUMENTS:
        heading, number = "", 0
        # A heading, or a block, in which a line may look like a heading.
        for match in re.finditer(
            r"^#+ ([^\n]+)$|^```(\w*)\n(.*?)^```$", document.read_text("utf-8"), re.DOTALL | re.MULTILINE
        ):
            if match[1]:
                heading, number = match[1], 0
            elif match[2] == language:
                number += 1
                found.append(Block(document.relative_to(ROOT).as_posix(), heading, number, language, match[3]))
    return found


def block(language: str, name: str) -> Block:
    """Returns the block of a name, such as `README.md: Use it 1`."""
    (found,) = [one for one in blocks(language) if one.name == name]
    return found


def surroundings(sandbox: Sandbox, folder: Path, **more: str) -> dict[str, str]:
    """Returns the environment of a reader who has set a key, with the sandbox as their Roark."""
    path = os.pathsep.join([str(folder / "shims"), str(BIN), os.environ.get("PATH", "")])
    return {
        **os.environ,
        **NO_COLLECTOR,
        "PATH": path,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "ROARK_API_KEY": KEY,
        "ROARK_BASE_URL": sandbox.url,
        "ROARK_LINGER_SECONDS": "0.05",
        "ROARK_EXIT_TIMEOUT_SECONDS": "60",  # a slow machine delivers too
        **more,
    }


def run(command: list[str], folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end. After two minutes it is killed, with the processes that it started."""
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - our own documents
        command, cwd=folder, env=dict(env), stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)
