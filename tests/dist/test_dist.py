"""The built packages, which `make dist` builds before it runs these: as strangers and their tools see them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.paths import ROOT

sys.path.insert(0, str(ROOT))

from hatch_build import linked, urls  # noqa: E402 - it stands in the root

if TYPE_CHECKING:
    from email.message import Message

DIST = Path(os.environ.get("DIST", ROOT / "dist"))
REPOSITORY = "https://code.example.com/someone/roark-otel"
LINKS = re.compile(r"\]\(([^()\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")


@pytest.fixture(name="metadata", scope="module")
def _metadata() -> Message:
    (wheel,) = DIST.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        (name,) = [one for one in opened.namelist() if one.endswith(".dist-info/METADATA")]
        return message_from_string(opened.read(name).decode())


def targets(text: str) -> list[str]:
    return [one or other for one, other in LINKS.findall(text)]


def test_no_link_of_the_index_page_is_relative(metadata: Message) -> None:
    page = metadata.get_payload()

    assert isinstance(page, str)
    assert len(page.splitlines()) > 100
    assert [one for one in targets(page) if "://" not in one and not one.startswith("#")] == []


def test_the_page_says_what_readme_says(metadata: Message) -> None:
    """Links are text, and pictures are left out, as long as there is no address; nothing else is different."""
    page = metadata.get_payload()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    plain = re.sub(r"<picture>.*?</picture>\n*", "", readme, flags=re.DOTALL)
    plain = re.sub(r"!?\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", plain)

    assert isinstance(page, str)
    assert page.split() == plain.split()


def test_with_an_address_every_link_leads_to_a_file_of_the_repository() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = linked(readme, REPOSITORY, "v1.2.3")

    found = [one for one in targets(page) if one.startswith(REPOSITORY)]
    assert len(found) == len([one for one in targets(readme) if "://" not in one])
    for one in found:
        kind, ref, path = one.removeprefix(f"{REPOSITORY}/").partition("#")[0].split("/", 2)
        assert (ref, kind) == ("v1.2.3", "raw" if path.endswith(".png") else "blob")
        assert path.endswith(".png") or (ROOT / path).is_file(), one


@pytest.mark.parametrize(
    ("text", "folder", "without", "with_address"),
    [
        ("[a](docs/a.md#b)", ".", "a", f"[a]({REPOSITORY}/blob/v1/docs/a.md#b)"),
        ("[`a`](../README.md)", "docs", "`a`", f"[`a`]({REPOSITORY}/blob/v1/README.md)"),
        ("[tests](../tests)", "docs", "tests", f"[tests]({REPOSITORY}/tree/v1/tests)"),
        ("![a](docs/a.png) b", ".", " b", f"![a]({REPOSITORY}/raw/v1/docs/a.png) b"),
        ("[a](#b) [c](https://example.com/d) [e](mailto:f@example.com)", ".", None, None),
        ("x[0](y) is code", ".", "x0 is code", f"x[0]({REPOSITORY}/blob/v1/y) is code"),
        ('<picture>\n<img src="a.png">\n</picture>\nb', ".", "b", None),
    ],
)
def test_links(text: str, folder: str, without: str | None, with_address: str | None) -> None:
    assert linked(text, "", "v1", folder) == (text if without is None else without)
    if with_address is not None:
        assert linked(text, REPOSITORY, "v1", folder) == with_address


def test_addresses() -> None:
    assert urls("", "v1") == {}
    assert all(one.startswith(REPOSITORY) for one in urls(REPOSITORY, "v1").values())


def test_the_fields(metadata: Message) -> None:
    assert metadata["Author"] == "roark-otel contributors"
    assert metadata["Author-email"] is None
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    extras = {"auto", "cli", "gateway", "grpc", "kafka", "local", "otlp", "sandbox"}
    assert extras == set(metadata.get_all("Provides-Extra") or ())
    requirements = metadata.get_all("Requires-Dist") or ()
    betas = [one for one in requirements if one.startswith(("opentelemetry-distro", "opentelemetry-instrumentation"))]
    assert len(betas) == 2
    assert all("<1" in one for one in betas)


def test_the_wheel_has_the_package_alone() -> None:
    (wheel,) = DIST.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        tops = {one.split("/")[0] for one in opened.namelist()}

    assert {one for one in tops if not one.endswith(".dist-info")} == {
        "roark_otel",
        "roark_otel_cli",
        "roark_otel_pytest",
        "roark_otel_zero_code",
    }


def test_the_source_has_what_its_tests_need() -> None:
    (sdist,) = DIST.glob("*.tar.gz")
    with tarfile.open(sdist) as opened:
        names = {one.partition("/")[2] for one in opened.getnames()}

    assert {
        *("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "SECURITY.md"),
        *("hatch_build.py", "pyproject.toml", "docs/conf.py", "docs/index.md", "tests/conftest.py"),
        *("typing_tests", "benchmarks", "examples/livekit_agent.py", ".github/workflows/ci.yml", ".ci/run"),
    } <= names | {one.split("/")[0] for one in names}
    assert not [one for one in names if "__pycache__" in one or one.startswith((".venv", "build/", "dist/"))]


def test_pyroma_misses_only_the_address_and_the_e_mail() -> None:
    (sdist,) = DIST.glob("*.tar.gz")
    command = [sys.executable, "-m", "pyroma", "--min", "1", str(sdist)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603

    assert "Found roark-otel" in done.stdout
    faults = done.stdout.split("Found roark-otel")[1].split("-" * 30)[1].strip().splitlines()
    assert [one for one in faults if not re.search(r"e-?mail|URL|url", one) and one.strip()] == []
