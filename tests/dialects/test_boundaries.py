"""What the package knows of a framework is in the folder of its dialect, and nowhere else."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import roark_otel
from roark_otel.dialects import DIALECTS, ROARK

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(roark_otel.__file__).parent

FRAMEWORKS = {
    "livekit",
    "pipecat",
    "openinference",
    "gen_ai",
    "openai",
    "google-adk",
    "strands",
    "traceloop",
    "logfire",
}

WIRE = {
    *("livekit_room_id", "livekit_room_name", "livekitRoomId", "roark.livekit_room_id", "livekit.room.id"),
    *("LIVEKIT_ROOM_ID", "LIVEKIT_ROOM_ID_RESOURCE"),
}
"""Names of Roark's own: a field of a call, its attributes, and what a recording template may use."""

ALLOWED = {
    # Roark's other integrations, which must not run at the same time.
    "_setup/providers.py": {"pipecat_roark", "roark_analytics_python_livekit"},
    # The same, and an instrumentation that `roark-otel doctor` lists although no dialect names it as a framework.
    "cli/doctor/versions.py": {
        *("pipecat-roark", "roark-analytics-python-livekit"),
        "openinference-instrumentation-pipecat",
    },
    # The instrumentations that are chosen by name.
    "_settings/fields.py": {"livekit", "pipecat"},
    # The demo replays a recording of LiveKit.
    "cli/demo/recorded.py": {"livekit_tool_call.json"},
    "cli/demo/screen.py": {"LiveKit"},
    "cli/demo/stage.py": {"LiveKit"},
}


ABOUT_FRAMEWORKS = ("dialects/", "_instrumentation/", "cli/doctor/content.py")
"""Where frameworks are known: what reads them, what listens to them, and which of their variables hide content."""


def words() -> re.Pattern[str]:
    """Finds what gives a framework away: its name, its scopes, its prefixes, its distribution."""
    others = [dialect for dialect in DIALECTS if dialect is not ROARK]
    prefixes = {prefix for dialect in others for prefix in (*dialect.prefixes, *dialect.harmless.numbers)}
    names = {one for dialect in others for one in (*dialect.scopes, *dialect.distributions.values())}
    general = {"turn.", "metrics."}  # Pipecat's, but anyone's words too
    found = {*FRAMEWORKS, *names, *(prefixes - general)}
    framework = "|".join(rf"(?<![A-Za-z]){re.escape(one)}" for one in sorted(found))
    return re.compile(rf"[\w.-]*(?:{framework})[\w.-]*", re.IGNORECASE)


def mentioned(path: Path) -> Iterator[str]:
    """Returns the texts and identifiers of a module; its docstrings and comments may mention any framework."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in docstrings:
            yield one.value
        elif isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.Attribute):
            yield one.attr
        elif isinstance(one, (ast.FunctionDef, ast.ClassDef)):
            yield one.name
        elif isinstance(one, ast.arg):
            yield one.arg


def test_no_module_outside_dialects_knows_a_framework() -> None:
    pattern = words()
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        known = {word for text in mentioned(path) for word in pattern.findall(text)} - WIRE
        if known and not name.startswith(ABOUT_FRAMEWORKS):
            found[name] = known
    assert found == ALLOWED


@pytest.mark.parametrize("folder", ["livekit", "pipecat", "openinference", "gen_ai"])
def test_the_folder_of_a_dialect_does(folder: str) -> None:
    """So the search above would find a framework elsewhere too."""
    pattern = words()
    assert any(
        pattern.search(text) for path in (PACKAGE / "dialects" / folder).glob("*.py") for text in mentioned(path)
    )
