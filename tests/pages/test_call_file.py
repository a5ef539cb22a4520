"""A call as one file: self-contained, without a request, and whatever the call holds stays text."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from pages.recorded_calls import recorded_calls
from roark_otel.pages import document
from roark_otel.pages.file import call_file
from roark_otel.pages.files import names, static
from support.chromium import opened
from support.node import node

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "</script></title><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">{0}"
UNSEEN = "\u202e\u0000\u0007\u2028\ud800"


def call(external_id: str = "a call", **fields: Any) -> dict[str, Any]:
    said = [{"role": "AGENT", "text": "Hello there.", "startOffsetMs": 0, "endOffsetMs": 900}]
    return document({"externalId": external_id, "transcript": said, **fields})


def inside(page: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", page, re.DOTALL)


def embedded(page: str) -> Any:
    return json.loads(inside(page, "script")[0])


def hashed(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def unpacked(page: str) -> tuple[str, str]:
    """Returns the style and the script that are packed in a file."""
    style, script = zlib.decompress(base64.b64decode(inside(page, "script")[1])).decode().split("\0")
    return style, script


def test_the_policy_allows_what_the_file_holds_by_its_hashes() -> None:
    page = call_file(call())

    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    data, _, unpack = inside(page, "script")
    style, script = unpacked(page)

    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src {hashed(unpack)} {hashed(script)}",
        f"style-src {hashed(style)}",
        "img-src data:",
        "media-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert json.loads(data)["body"]["externalId"] == "a call"


def test_it_names_no_other_file() -> None:
    page = call_file(call())
    style, script = unpacked(page)

    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["data:,"]
    assert "import" not in re.sub(r"important", "", script + inside(page, "script")[2])
    assert not re.findall(r"@import|url\(", style)


def test_its_size_is_that_of_the_call_and_45_kilobytes() -> None:
    page = call_file(given := call())

    assert len(page) - len(json.dumps(given)) < 48_000


@pytest.mark.parametrize(
    "external_id", [HOSTILE, HOSTILE.upper(), UNSEEN, "<!--<script>", "]]>", "&lt;b&gt;", "{title}", ""]
)
def test_an_id_stays_text_in_all_that_python_writes(external_id: str) -> None:
    page = call_file(call(external_id))

    [title] = inside(page, "title")
    assert "<" not in title
    assert html.unescape(title).isprintable()
    assert len(re.findall(r"<script|</script", page, re.IGNORECASE)) == 6
    assert embedded(page)["body"]["externalId"] == external_id
    page.encode()


def test_the_document_is_within_as_it_was_given() -> None:
    for one in recorded_calls():
        assert embedded(call_file(one)) == one


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), None),
        ([float("inf"), {"a": -float("inf")}, 1.5], [None, {"a": None}, 1.5]),
        ([10**5000, -(10**5000), {"a": 10**400}, 2**64], [None, None, {"a": None}, 2**64]),
        ({1: "one"}, {"1": "one"}),
        (b"bytes", "b'bytes'"),
        ("</SCRIPT >" + UNSEEN, "</SCRIPT >" + UNSEEN),
    ],
)
def test_what_json_lacks_does_not_stop_it(value: object, written: object) -> None:
    page = call_file({**call(), "details": {"value": value}})

    assert embedded(page)["details"] == {"value": written}
    page.encode()


@pytest.mark.parametrize("broken", [{}, {"body": None}, {"body": {"externalId": 5}}, {"body": [], "recording": "x"}])
def test_a_document_without_a_call_makes_a_file_too(broken: dict[str, Any]) -> None:
    assert inside(call_file(broken), "title") == ["a call without an id · roark-otel"]


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"OggS", "audio/ogg"),
        (b"RIFF....WAVEfmt ", "audio/wav"),
        (b"fLaC", "audio/flac"),
        (b"ID3\x04", "audio/mpeg"),
        (b"....ftypM4A ", "audio/mp4"),
        (b"\x1aE\xdf\xa3", "audio/webm"),
        (b"unknown", "audio/x-own"),
    ],
)
def test_sound_is_within_if_it_is_given(start: bytes, kind: str) -> None:
    recording = {"url": "/recordings/a", "type": "audio/x-own", "here": True}

    found = embedded(call_file({**call(), "recording": recording}, sound=start + bytes(20)))["recording"]

    assert found == {
        "url": f"data:{kind};base64,{base64.b64encode(start + bytes(20)).decode()}",
        "type": kind,
        "here": True,
    }


def test_without_sound_the_file_loads_none() -> None:
    here = {"url": "/recordings/a.wav", "type": "audio/wav", "here": True}

    assert embedded(call_file({**call(), "recording": here}))["recording"] == {**here, "here": False}
    assert embedded(call_file(call()))["recording"] is None


def test_the_joined_script_is_one_that_node_reads(tmp_path: Path) -> None:
    script = tmp_path / "joined.mjs"
    script.write_text(unpacked(call_file(call()))[1], encoding="utf-8")

    node("--check", script)


def test_modules_import_and_export_in_the_way_that_can_be_joined() -> None:
    for name in (one for one in names() if one.endswith(".js")):
        source = static(name)[0].decode()
        imports = re.findall(r"^import\b.*", source, re.MULTILINE)
        assert all(re.fullmatch(r'import \{[^}]*\} from "\./[\w.-]+\.js";', one) for one in imports), name
        exports = re.findall(r"^export\b.*", source, re.MULTILINE)
        assert all(re.match(r"export (async )?(const|let|class|function) \w+", one) for one in exports), name
        assert [line for line in source.splitlines() if line.count("`") % 2] == [], name


def test_it_opens_from_disk_without_a_violation_and_shows_the_call(tmp_path: Path) -> None:
    path = tmp_path / "call.html"
    hostile = HOSTILE + "\u202e"
    said = [{"role": "AGENT", "text": hostile, "startOffsetMs": 0, "endOffsetMs": 900, "languageCode": hostile}]
    used = [{"name": hostile, "parameters": {hostile: hostile}, "result": {"error": hostile}, "startOffsetMs": 100}]
    given = call(hostile, transcript=said, toolInvocations=used, recordingUrl="javascript:document.title='taken'")
    path.write_text(call_file(given), encoding="utf-8")

    page = opened(path.as_uri(), tmp_path / "profile")

    assert page.console == ()
    assert "<h1" in page.html
    drawn = re.sub(r"<script.*?</script>", "", page.html, flags=re.DOTALL)
    assert html.escape(hostile.replace("\u202e", "\\u202e"), quote=False) in drawn
    assert "\u202e" not in drawn
    assert "<img" not in drawn
    assert 'href="javascript' not in drawn
    assert "taken" not in re.sub(r"document\.title='taken'", "", drawn)


@pytest.mark.parametrize("broken", ['{"body":null,"spans":5}', "null"])
def test_a_broken_document_shows_an_empty_call(broken: str, tmp_path: Path) -> None:
    path = tmp_path / "call.html"
    data, *_ = inside(whole := call_file(call()), "script")
    path.write_text(whole.replace(data, broken), encoding="utf-8")

    page = opened(path.as_uri(), tmp_path / "profile")

    assert page.console == ()
    assert "a call without an id" in page.html
