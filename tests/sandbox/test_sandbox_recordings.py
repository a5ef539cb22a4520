"""The sound of calls: that of the demo, that of a directory, and a second of silence."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from roark_otel.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]
DEMO = ["demo-plain-call", "demo-livekit-call"]


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for name in ("call-1.wav", "call-2.mp3", "a%2Fb.ogg", "dot.in.name.webm", "with space.flac", "notes.txt"):
        (folder / name).write_bytes(f"sound of {name}".encode() * 1000)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "folder.wav").mkdir()
    (folder.parent / "secret.wav").write_bytes(b"not in the directory")
    return folder


@pytest.fixture(scope="module", name="with_folder")
def _with_folder(folder: Path) -> Iterator[Sandbox]:
    with Sandbox(recordings=folder) as sandbox:
        yield sandbox


def sound(sandbox: Sandbox, name: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{sandbox.url}/recordings/{name}", headers=headers, trust_env=False)


def is_silence(answer: httpx.Response) -> bool:
    if answer.headers["content-type"] != "audio/wav":
        return False
    try:
        with wave.open(io.BytesIO(answer.content)) as recording:
            return set(recording.readframes(recording.getnframes())) == {0}
    except wave.Error:
        return False


@pytest.mark.parametrize("external_id", DEMO)
@pytest.mark.parametrize("suffix", ["", ".wav", ".opus", ".ogg"])
def test_the_demo_has_real_sound(shared: Sandbox, external_id: str, suffix: str) -> None:
    answer = sound(shared, external_id + suffix)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/ogg")
    assert answer.content.startswith(b"OggS")
    assert b"OpusHead" in answer.content[:100]
    channels = answer.content[answer.content.index(b"OpusHead") + 9]
    assert channels == 2
    assert 20_000 < len(answer.content) < 80_000


@pytest.mark.parametrize("wanted", ["bytes=0-", "bytes=1000-1999", "bytes=-7", "bytes=50000-9999999"])
def test_a_part_of_the_demo_is_a_part(shared: Sandbox, wanted: str) -> None:
    whole = sound(shared, "demo-plain-call.wav").content
    answer = sound(shared, "demo-plain-call.wav", Range=wanted)

    first, last = (int(number) for number in answer.headers["content-range"].split()[1].split("/")[0].split("-"))
    assert answer.status_code == 206
    assert answer.content == whole[first : last + 1] != b""
    assert answer.headers["content-length"] == str(len(answer.content))


def test_the_sound_of_the_demo_is_as_long_as_its_calls(shared: Sandbox) -> None:
    """The script makes it from the calls that the demo makes, so it would be made again where these change."""
    demo = [sys.executable, "-m", "roark_otel.cli", "demo", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    calls = json.loads(subprocess.run(demo, check=True, capture_output=True, env=environment).stdout)  # noqa: S603 - ours

    assert [call["externalId"] for call in calls] == DEMO
    for call in calls:
        last = max(entry["endOffsetMs"] for entry in call["transcript"])
        assert abs(opus_ms(sound(shared, call["externalId"]).content) - last - 400) <= 100


def opus_ms(content: bytes) -> float:
    """Returns the length of an Opus file: the position of its last page, less what a decoder leaves out first."""
    skipped = int.from_bytes(content[content.index(b"OpusHead") + 10 :][:2], "little")
    last = content.rindex(b"OggS")
    return (int.from_bytes(content[last + 6 : last + 14], "little") - skipped) / 48


@pytest.mark.parametrize(
    ("name", "file", "media_type"),
    [
        ("call-1.wav", "call-1.wav", "audio/wav"),
        ("call-1", "call-1.wav", "audio/wav"),
        ("call-2.wav", "call-2.mp3", "audio/mpeg"),
        ("call-2.mp3", "call-2.mp3", "audio/mpeg"),
        ("a%2Fb.wav", "a%2Fb.ogg", "audio/ogg"),
        ("a/b", "a%2Fb.ogg", "audio/ogg"),
        ("dot.in.name.wav", "dot.in.name.webm", "audio/webm"),
        ("dot.in.name", "dot.in.name.webm", "audio/webm"),
        ("with%20space.wav", "with space.flac", "audio/flac"),
    ],
)
def test_a_directory_has_the_sound_of_calls(
    with_folder: Sandbox, folder: Path, name: str, file: str, media_type: str
) -> None:
    answer = sound(with_folder, name)

    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.content == (folder / file).read_bytes()
    assert sound(with_folder, name, Range="bytes=5-9").content == answer.content[5:10]


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "..%2Fsecret",
        "%2e%2e%2fsecret",
        "..%5Csecret",
        "folder",
        "call-1.wav%00",
        "x" * 255,
        "%2Fetc%2Fpasswd",
    ],
)
def test_a_hostile_name_leaves_no_directory(with_folder: Sandbox, name: str) -> None:
    answer = sound(with_folder, f"{name}.wav")

    assert answer.status_code == 404 or is_silence(answer)


@pytest.mark.parametrize("name", ["missing", "a-file.wav"])
def test_recordings_that_are_no_directory_are_an_error_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "a-file.wav").write_bytes(b"")

    with pytest.raises(ValueError, match="not a directory"):
        Sandbox(recordings=tmp_path / name)


@pytest.mark.parametrize("name", ["notes.txt", "notes", "call-9", "call-9.mp3", "", ".", "demo-plain-call.txt"])
def test_what_is_no_sound_is_404(with_folder: Sandbox, name: str) -> None:
    assert sound(with_folder, name).status_code == 404


def test_an_empty_file_is_empty(with_folder: Sandbox) -> None:
    assert (sound(with_folder, "empty.wav").status_code, sound(with_folder, "empty.wav").content) == (200, b"")
    assert sound(with_folder, "empty.wav", Range="bytes=0-").status_code == 416


def test_the_sound_of_a_directory_needs_what_the_pages_need(folder: Path) -> None:
    with Sandbox(api_key="right-key", recordings=folder) as sandbox:
        assert sound(sandbox, "call-1.wav").status_code == 401
        assert sound(sandbox, "call-1.wav", Authorization="Bearer right-key").status_code == 200
        assert is_silence(sound(sandbox, "call-9.wav"))
        assert sound(sandbox, "demo-plain-call.wav").status_code == 200
        with httpx.Client(trust_env=False) as browser:
            browser.get(sandbox.page_url)
            assert browser.get(f"{sandbox.url}/recordings/call-1.wav").status_code == 200


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("{own}/recordings/call-1.wav", {"url": "/recordings/call-1.wav", "type": "audio/wav", "here": True}),
        ("{local}/recordings/call-1.wav?x=1", {"url": "/recordings/call-1.wav", "type": "audio/wav", "here": True}),
        (
            "http://127.0.0.1:1/recordings/demo-plain-call.wav",
            {"url": "/recordings/demo-plain-call.wav", "type": "audio/ogg", "here": True},
        ),
        ("{own}/recordings/a%2Fb.wav", {"url": "/recordings/a%2Fb.wav", "type": "audio/ogg", "here": True}),
        ("{own}/recordings/call-9.wav", None),
        ("{own}/else/call-1.wav", {"url": "{own}/else/call-1.wav", "type": "audio/wav", "here": False}),
        (
            "http://127.0.0.1:1/recordings/call-9.wav",
            {"url": "http://127.0.0.1:1/recordings/call-9.wav", "type": "audio/wav", "here": False},
        ),
        (
            "https://example.com/recordings/call-1.wav",
            {"url": "https://example.com/recordings/call-1.wav", "type": "audio/wav", "here": False},
        ),
        (
            "https://user@example.com:8/a.MP3?k=v",
            {"url": "https://user@example.com:8/a.MP3?k=v", "type": "audio/mpeg", "here": False},
        ),
        ("https://example.com/a", {"url": "https://example.com/a", "type": "", "here": False}),
    ],
)
def test_a_page_loads_only_sound_that_is_here(
    with_folder: Sandbox, call_body: Callable[..., Json], url: str, expected: Json | None
) -> None:
    places = {"own": with_folder.url, "local": with_folder.url.replace("127.0.0.1", "localhost")}
    with httpx.Client(base_url=with_folder.url, headers={"Authorization": "Bearer k"}, trust_env=False) as raw:
        created = raw.post("/v1/call", json=call_body(recordingUrl=url.format(**places))).json()["data"]["id"]
        recording = raw.get(f"/pages/calls/{created}").json()["recording"]
        if expected is not None:
            expected = {**expected, "url": expected["url"].format(**places)}
        assert recording == expected
        if recording is not None and recording["here"]:
            assert raw.get(recording["url"], headers={"Range": "bytes=0-1"}).status_code == 206


def test_the_files_say_their_licence() -> None:
    note = Path(__file__).parents[2] / "src" / "roark_otel" / "sandbox" / "sound" / "README.md"

    assert "Apache-2.0" in note.read_text("utf-8")
    assert {file.stem for file in note.parent.glob("*.opus")} == set(DEMO)
