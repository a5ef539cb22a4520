"""The names and the content of a spool's files, letter by letter: other versions read and write them too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from roark_otel import RoarkSpanProcessor, attach_recording, cli
from roark_otel.types import Attached
from support.answering import Answer, AnsweringServer, Seen, created
from support.helpers import KEY, wait_until

if TYPE_CHECKING:
    from pathlib import Path

FIRST = "5d7963c4f471e142f5a72214a9666fb1-00f067aa0ba902b7"
"""The name of the call `call-1`: the hash of its id, and its root span's id. The others are `call-2` to `call-4`."""
SECOND = "3ba8dced2e729b165dfb4e6a16f08d0f-0000000000000007"
THIRD = "d1e2d4f24f9a3e72c117566cfd87fc97-ffffffffffffffff"
FOURTH = "4f4a6e5f2fa1e539badc68eb72efe0a0-0000000000000001"

HEADER = (
    '{"external_id": "%s", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "finished_at": 1795348364.25, '
    '"not_before": 0.0, "turns": 2, "tools": 1'
)
REST = ', "format": 1, "started_at": 1795348300.5, "call_id": %s, "recording_wait": 86400.0}'
WITHOUT = '"startedAt":"2026-11-22T09:30:00.000Z","interfaceType":"PHONE","callDirection":"INBOUND"'
BODY = '{"recordingUrl":"https://example.com/a.wav",' + WITHOUT + ',"externalId":"%s"}'

LEFT = {
    f"{FIRST}.ready.jsonl": HEADER % "call-1" + REST % "null" + "\n" + BODY % "call-1" + "\n",
    # The shortest header that a version has written.
    f"{SECOND}.tried.jsonl": HEADER % "call-2" + "}\n" + BODY % "call-2" + "\n",
    f"{THIRD}.waiting.jsonl": HEADER % "call-3" + REST % "null" + "\n{" + WITHOUT + ',"externalId":"call-3"}\n',
    f"{FIRST}-18c2b1a2f3d4e5f6.late.jsonl": HEADER % "call-1" + REST % '"roark-1"' + '\n{"toolInvocations":[]}\n',
    f"rejected/{FOURTH}.jsonl": HEADER % "call-4" + REST % "null" + "\n{" + WITHOUT + ',"externalId":"call-4"}\n',
    f"rejected/{FOURTH}.reason.json": '{"status": 0, "reason": "no_recording"}',
    ".k2j3h4.tmp": HEADER % "call-5",
}
"""What a process leaves that is killed: every kind of file that there is in a directory of the spool."""

KEPT = {"attached/d1e2d4f24f9a3e72c117566cfd87fc97.json": '{"url": "https://example.com/kept.wav"}'}
"""A URL that was attached to `call-3`, which had not come yet."""


@pytest.fixture(name="left")
def _left(tmp_path: Path) -> Path:
    """A spool with what was left."""
    for folder, contents in (("0123456789abcdef/", LEFT), ("", KEPT)):
        for name, content in contents.items():
            path = tmp_path / "spool" / (folder + name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    return tmp_path / "spool" / "0123456789abcdef"


def files(root: Path) -> dict[str, str]:
    """The files below a directory, and what they hold; not those about keys."""
    found = [
        path for path in root.rglob("*") if path.is_file() and path.parent.name != "keys" and path.name != "ids.key"
    ]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in found}


def test_files_of_an_earlier_version_are_delivered(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is recognised by its name; a rejected call is sent once it gets the recording that it lacked."""
    with AnsweringServer(then=answer) as server:
        monkeypatch.setenv("ROARK_API_KEY", KEY)
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        assert cli.main(["spool", "adopt", str(left)]) == 0
        assert files(left) == {".k2j3h4.tmp": LEFT[".k2j3h4.tmp"]}
        processor = RoarkSpanProcessor()
        wait_until(lambda: processor.stats().delivered >= 2, 60.0)

        assert attach_recording("call-4", "https://example.com/d.wav") == Attached(1)

        wait_until(lambda: processor.stats().delivered == 4 and processor.stats().appended == 1, 60.0)
        posted = {id_: body for seen in server.seen if (id_ := (body := json.loads(seen.body)).get("externalId"))}
        assert {id_: body["recordingUrl"] for id_, body in posted.items()} == {
            "call-1": "https://example.com/a.wav",
            "call-2": "https://example.com/a.wav",
            "call-3": "https://example.com/kept.wav",
            "call-4": "https://example.com/d.wav",
        }
        assert [seen.path for seen in server.seen if "/tool-invocations" in seen.path] == [
            "/v1/call/roark-1/tool-invocations"
        ]
        wait_until(lambda: set(files(left.parent)) == {"0123456789abcdef/.k2j3h4.tmp"}, 60.0)


def answer(seen: Seen) -> Answer:
    """Roark takes everything."""
    return Answer(200, b'{"data": {"callId": "roark-1"}}') if "/tool-invocations" in seen.path else created()


def test_files_of_an_earlier_version_are_listed(left: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With their state, which their names hold, and the reason of a rejected one."""
    assert cli.main(["spool", "list", "--json"]) == 0

    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert {name: (one["external_id"], one["state"], one["reason"]) for name, one in listed.items()} == {
        FIRST: ("call-1", "ready", None),
        SECOND: ("call-2", "tried", None),
        THIRD: ("call-3", "waiting", None),
        f"{FIRST}-18c2b1a2f3d4e5f6": ("call-1", "late", None),
        FOURTH: ("call-4", "rejected", "no_recording"),
    }
    assert {one["directory"] for one in listed.values()} == {str(left)}
