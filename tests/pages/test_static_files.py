"""The files of the pages: by name, with their media types, as they are written."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from roark_otel.pages.files import names, static
from support.paths import ROOT

FOLDER = ROOT / "src/roark_otel/pages/static"
TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
RUNS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(.style|DOMParser"
)


def test_every_file_is_served_as_it_is_written() -> None:
    assert names() == {path.name for path in FOLDER.iterdir()}
    for path in FOLDER.iterdir():
        assert static(path.name) == (path.read_bytes(), TYPES[path.suffix])


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../files.py",
        "..%2Ffiles.py",
        "/etc/passwd",
        "static/call.js",
        "call.js/",
        "CALL.JS",
        "call.js\0",
        "none.js",
    ],
)
def test_nothing_else_is_served(name: str) -> None:
    with pytest.raises(KeyError):
        static(name)


def test_no_module_makes_markup_or_code_of_text() -> None:
    for path in FOLDER.glob("*.js"):
        assert RUNS.findall(path.read_text(encoding="utf-8")) == [], path.name


def test_shells_hold_no_script_style_or_handler_of_their_own() -> None:
    for path in FOLDER.glob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page) == [], path.name
        for name in re.findall(r'"/static/([^"]+)"', page):
            static(name)


def test_modules_are_of_a_size_that_can_be_read() -> None:
    lengths = {path.name: path.read_text(encoding="utf-8").count("\n") for path in FOLDER.glob("*.js")}

    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_every_warning_of_the_page_has_its_line_in_the_docs() -> None:
    source = (FOLDER / "facts.js").read_text(encoding="utf-8")
    warned = re.findall(r'^  \["(roark_\w+)"', source, re.MULTILINE)
    docs = (ROOT / "docs/pages.md").read_text(encoding="utf-8")

    assert len(warned) >= 9
    assert [name for name in warned if f"| `{name}` |" not in docs] == []


def test_every_key_of_the_page_has_its_line_in_the_docs() -> None:
    source = (FOLDER / "call-keys.js").read_text(encoding="utf-8")
    keys = {key for line in re.findall(r'\["([^"]+)", "[^"]+"\]', source) for key in line.split() if key.isascii()}
    docs = (ROOT / "docs/pages.md").read_text(encoding="utf-8").partition("## One call")[2].partition("### ")[0]

    assert {"i", "s", "e", "/", "?"} < keys
    assert [key for key in keys if key not in {"space", "shift"} and f"`{key}`" not in docs] == []


def test_the_wheel_holds_them(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    build = [uv, "build", "--wheel", "--offline", "--quiet", "--out-dir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - ours
    if "hatchling" in done.stderr:
        pytest.skip("hatchling is not in uv's cache")

    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {Path(name).name for name in archive.namelist() if name.startswith("roark_otel/pages/static/")}

    assert held == names()
