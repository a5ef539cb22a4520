"""What surrounds the package agrees with it: changelog, hooks, workflows, extras."""

from __future__ import annotations

import re
from importlib.metadata import metadata
from typing import Any

import pytest
import yaml

from roark_otel import __version__
from support.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def pyproject() -> str:
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert re.fullmatch(rf"\[{re.escape(__version__)}\] - (Unreleased|\d{{4}}-\d{{2}}-\d{{2}})", headings[0])
    assert f'version = "{__version__}"' in pyproject()


def test_hooks_run_the_ruff_that_checks_run() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    pinned = re.findall(r"ruff==[\d.]+", pyproject())

    assert len(pinned) == 1
    assert set(re.findall(r"ruff==[\d.]+", hooks)) == set(pinned)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_permission_that_no_job_asks_for(path: Any) -> None:
    """Actions of others are pinned to a commit, with the version beside it."""
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)

    assert workflow["permissions"] == {}
    assert all("permissions" in job and "timeout-minutes" in job for job in workflow["jobs"].values())
    uses = re.findall(r"uses: (.+)$", text, re.MULTILINE)
    assert uses
    assert [one for one in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_only_the_job_that_publishes_may_ask_for_an_identity() -> None:
    jobs = {
        name: job
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items()
        if "write" in job["permissions"].values()
    }

    assert list(jobs) == ["publish"]
    assert jobs["publish"]["environment"] == "pypi"


def test_workflows_run_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    files = [*WORKFLOWS, ROOT / ".ci" / "run", ROOT / ".pre-commit-config.yaml"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files).replace("\\\n", " ")
    asked = {
        word
        for words in re.findall(r"(?:^ *|: )make ([a-z -]+)|for step in ([^;]+);", text, re.MULTILINE)
        for word in " ".join(words).split()
        if not word.startswith("-")
    }

    assert {"dist", "sbom", "docs", "docs-links", "documents", "test", "check"} <= asked
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    versions = set(re.findall(r"test-[\w.-]+", makefile)) | {f"test-{one}" for one in re.findall(r"[\w.-]+", makefile)}
    assert asked - known - versions == set()


def test_issue_forms_are_forms() -> None:
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert path.name == "config.yml" or {"name", "description", "body"} <= form.keys()


def test_the_extra_local_is_what_the_demo_needs() -> None:
    known = metadata("roark-otel").get_all("Requires-Dist") or ()

    assert [one for one in known if re.search(r"extra == ['\"]local['\"]", one)]
