"""The public surface is what `__all__`, the constants and the docs list."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from pathlib import Path

import roark_otel
from roark_otel import attributes
from support.paths import ROOT


def test_all_is_what_is_visible() -> None:
    """`__all__` names everything that a user sees, at most twenty names, and nothing else."""
    visible = {name for name in dir(roark_otel) if not name.startswith("_")}
    inner = {path.stem for path in Path(roark_otel.__file__).parent.iterdir()} - {"attributes", "types", "stats"}

    assert (visible - inner) | {"__version__"} == set(roark_otel.__all__)
    assert len(roark_otel.__all__) <= 20


def _constants_with_docstrings(module: object) -> set[str]:
    body = ast.parse(inspect.getsource(module)).body  # type: ignore[arg-type]
    found: set[str] = set()
    for one, after in pairwise(body):
        if isinstance(one, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(one.target, ast.Name):
            found.add(one.target.id)
    return found


def test_every_attribute_is_a_constant_with_a_docstring() -> None:
    """The module explains each attribute."""
    names = {name for name in vars(attributes) if name.isupper()}

    assert names <= _constants_with_docstrings(attributes)


def test_docs_list_every_attribute_and_event() -> None:
    """The tables of docs/attributes.md name every attribute, and its headings every event."""
    tables = (ROOT / "docs" / "attributes.md").read_text(encoding="utf-8")
    names = {value for name, value in vars(attributes).items() if name.isupper() and name != "PREFIX"}

    assert {name for name in names if f"`{name}" not in tables and f"\n### {name}\n" not in tables} == set()
