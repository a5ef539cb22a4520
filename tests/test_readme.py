"""The README's examples do what they say, pasted as they stand."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def test_the_fault_table_is_the_list_of_fault_tests() -> None:
    """Each row of the fault table is backed by a test of its name, and each such test is a row."""
    section = README.split("## When something is missing or down")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \|", section, re.MULTILINE)[1:]
    named = {"test_" + re.sub(r"[^a-z0-9]+", "_", row.lower()).strip("_") for row in rows}
    folder = Path(__file__).parent / "faults"

    assert len(rows) == len(named)
    assert named - set(_tests(folder.glob("test_*.py"))) == set()
    assert set(_tests(folder.glob("test_fault_*.py"))) - named == set()


def _tests(files: Iterable[Path]) -> Iterator[str]:
    """The names of the tests in these files, but for the long ones, which repeat others at full size."""
    for file in files:
        for one in ast.parse(file.read_text(encoding="utf-8")).body:
            is_long = isinstance(one, ast.FunctionDef) and "pytest.mark.long" in map(ast.unparse, one.decorator_list)
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_") and not is_long:
                yield one.name
