"""The public surface is what `__all__`, the constants and the docs list."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import pairwise
from pathlib import Path

import roark_otel
from roark_otel import RoarkSpanProcessor, Settings, attributes
from roark_otel._settings import environment
from support.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_all_is_what_is_visible() -> None:
    """`__all__` names everything that a user sees, at most sixteen names, and nothing else."""
    visible = {name for name in vars(roark_otel) if not name.startswith("_")}
    inner = {path.stem for path in Path(roark_otel.__file__).parent.iterdir()} - {"attributes", "types", "stats"}

    assert (visible - inner) | {"__version__"} == set(roark_otel.__all__)
    assert len(roark_otel.__all__) <= 16


def _constants_with_docstrings(module: object) -> set[str]:
    body = ast.parse(inspect.getsource(module)).body  # type: ignore[arg-type]
    found: set[str] = set()
    for one, after in pairwise(body):
        if isinstance(one, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(one.target, ast.Name):
            found.add(one.target.id)
    return found


def test_every_variable_is_a_constant_with_a_docstring() -> None:
    """Whoever reads the module finds what each environment variable does."""
    assert set(environment.FIELDS) <= _constants_with_docstrings(environment)


def test_every_attribute_is_a_constant_with_a_docstring() -> None:
    """The module explains each attribute."""
    names = {name for name in vars(attributes) if name.isupper()}

    assert names <= _constants_with_docstrings(attributes)


def test_readme_lists_every_variable() -> None:
    """The table of settings in the README is the list of environment variables."""
    section = README.split("## Settings")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(ROARK_[A-Z_]+)` \|", section, re.MULTILINE)

    assert sorted(environment.FIELDS) == sorted(listed)


def test_every_setting_is_an_argument() -> None:
    """Whatever the environment can set, but the kill switch, an argument can."""
    arguments = set(inspect.signature(RoarkSpanProcessor).parameters)

    assert set(Settings.model_fields) - {"enabled"} <= arguments


def test_docs_list_every_attribute_and_event() -> None:
    """The tables of docs/attributes.md name every attribute and event."""
    tables = (ROOT / "docs" / "attributes.md").read_text(encoding="utf-8")
    names = {value for name, value in vars(attributes).items() if name.isupper() and name != "PREFIX"}

    assert {name for name in names if f"`{name}" not in tables} == set()
