"""Checks that everything the documents refer to exists: files, headings, modules, names, log lines."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from roark_otel._engine import metrics
from support.paths import EXAMPLES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

SRC = ROOT / "src" / "roark_otel"
OURS = [one for one in EXAMPLES.rglob("*.md") if "node_modules" not in one.parts]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *OURS])
METRICS = {one.name for one in metrics.INSTRUMENTS} | {metrics.OUTCOME, metrics.STATE}
"""Names that look like modules of the package."""

ALERTS = re.findall(r"alert: (\w+)", (EXAMPLES / "monitoring" / "alerts.yaml").read_text(encoding="utf-8"))

FOREIGN = {
    *ALERTS,
    *dir(builtins),
    "BaggageSpanProcessor",
    "ClientDisconnect",
    "EndCallTool",
    "PipelineRunner",
    "PipelineTask",
    "PipelineWorker",
    "ReadWriteMany",
    "SpanLimits",
    "SpanRecord",
    "WebSocketDisconnect",
    "WorkerRunner",
    "basicConfig",
    "find",
    "getSpan",
    "getLogger",
    "get_tracer_provider",
    "say",
    "setTracerProvider",
    "set_tracer_provider",
    "setup_tracing",
}
"""Names that the documents mention and the package does not define: of Python, others, an example's app, or before."""

PATH = re.compile(r"[\w.][\w./-]*\.(py|md|yaml|toml)|(_\w+|tests|examples|docs|cli|dialects|sandbox)/[\w./-]*")
"""A file, or a folder of the repository or the package."""

TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)

documents = pytest.mark.parametrize(
    "document", [pytest.param(one, id=one.relative_to(ROOT).as_posix()) for one in DOCUMENTS]
)


@cache
def anchors(document: Path) -> set[str]:
    """Returns the anchors of a document's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def defined() -> set[str]:
    """Returns every name that the package defines: modules, classes, functions, methods, constants and fields."""
    found: set[str] = set()
    for file in SRC.rglob("*.py"):
        found.add(file.stem)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
    return found


@cache
def texts() -> set[str]:
    """Returns every text in the package's source, such as the templates of log lines."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in SRC.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {node.value for node in nodes if isinstance(node.value, str)}


def quoted(document: Path) -> list[str]:
    """Returns what a document sets in backticks, outside its blocks of code."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", text)


def resolves(name: str) -> bool:
    """Returns whether a dotted name is a module, or an attribute of one."""
    module, *attributes = name.split(".")
    found: object = importlib.import_module(module)
    for attribute in attributes:
        module += f".{attribute}"
        if hasattr(found, attribute):
            found = getattr(found, attribute)
            continue
        try:
            found = importlib.import_module(module)
        except ImportError:
            return False
    return True


@documents
def test_links_lead_to_files_and_headings(document: Path) -> None:
    """Each relative link is to a file or folder that exists, and each anchor to one of its headings."""
    broken: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


@documents
def test_dotted_names_are_importable(document: Path) -> None:
    """Each `roark_otel.x.y` is a module, one of its attributes, or the name of a metric."""
    names = re.findall(r"\broark_otel(?:\.\w+)+", document.read_text(encoding="utf-8"))

    assert [name for name in names if name not in METRICS and not resolves(name)] == []


@documents
def test_paths_exist(document: Path) -> None:
    """Each path of a file or folder in backticks is one of the repository, of the package or next to the document."""
    paths = [one for one in quoted(document) if PATH.fullmatch(one)]
    roots = (ROOT, SRC, document.parent)

    assert [one for one in paths if one != "app.py" and not any((root / one).exists() for root in roots)] == []


@documents
def test_names_are_defined(document: Path) -> None:
    """Each class and each function in backticks is one of the package, or known to be of others."""
    quotes = quoted(document)
    classes = {one for one in quotes if re.fullmatch(r"[A-Z][a-z]+(?:[A-Z][a-z]+)+", one)}
    functions = {found[1] for one in quotes if (found := re.fullmatch(r"(?:\w+\.)*([a-z]\w+)\(.*\)", one))}

    assert (classes | functions) - defined() - FOREIGN == set()


@documents
def test_named_tests_exist(document: Path) -> None:
    """Each test that a document names is a test."""
    tests = {name for file in (ROOT / "tests").rglob("test_*.py") for name in re.findall(TEST, file.read_text("utf-8"))}
    named = [one for one in quoted(document) if re.fullmatch(r"test_\w+", one)]

    assert [one for one in named if one not in tests] == []


def test_quoted_log_lines_are_logged() -> None:
    """Each log line that troubleshooting explains is one that the package logs."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    lines = re.findall(r"^### \"(.+)\"$", page, re.MULTILINE)

    assert lines
    assert [line for line in lines if not any(line in text for text in texts())] == []
