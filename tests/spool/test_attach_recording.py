"""Which ids and URLs a recording can be attached with, and which call an id means."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import attach_recording, attach_recording_async, cli
from roark_otel._spool import attachments
from roark_otel._spool.claims import Spooled
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage, late_name
from roark_otel._spool.spool import Spool
from roark_otel.types import Attached, Kept
from support.answering import AnsweringServer
from support.helpers import App, wait_until
from support.spool_names import call_name

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://example.com/a.wav"

NO_ID: list[Any] = ["", "   ", "\n\t", "\u3000", "x" * 256, "call-\ud800", None, 5, True, b"call-1", ["call-1"]]
NO_URL: list[Any] = [
    "",
    "later.wav",
    "ftp://example.com/a.wav",
    "https://exa mple.com/",
    "http://\ud800",
    None,
    5,
    b"x",
]


@pytest.mark.parametrize("external_id", NO_ID, ids=lambda value: ascii(value)[:12])
def test_an_id_that_no_call_can_have_is_a_value_error(external_id: Any, tmp_path: Path) -> None:
    """In one line that says what to pass; nothing is kept for such a call."""
    with pytest.raises(ValueError, match=r"^roark_otel: external_id: must be [^\n]+: pass [^\n]+$"):
        attach_recording(external_id, URL)
    with pytest.raises(ValueError, match=r"^roark_otel: external_id: must be [^\n]+: pass [^\n]+$"):
        asyncio.run(attach_recording_async(external_id, URL))
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("url", NO_URL, ids=lambda value: ascii(value)[:12])
def test_a_url_that_no_recording_can_have_is_a_value_error(url: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^roark_otel: url: must be [^\n]+: pass [^\n]+$"):
        attach_recording("call-1", url)
    with pytest.raises(ValueError, match=r"^roark_otel: url: must be [^\n]+: pass [^\n]+$"):
        asyncio.run(attach_recording_async("call-1", url))
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(
    ("external_id", "url", "named"),
    [
        ("   ", URL, "external_id"),
        ("x" * 256, URL, "external_id"),
        ("call-\udc80", URL, "external_id"),
        ("a", "b", "url"),
    ],
    ids=["blank", "long", "bytes", "url"],
)
def test_the_command_line_refuses_the_same_in_one_line(
    external_id: str, url: str, named: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status = cli.main(["spool", "attach", external_id, url])

    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith(f"roark-otel: {named}: must be ")
    assert err.count("\n") == 1
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("external_id", [" call-1 ", "call-1\n", "x" * 255, "ü 💥"])
def test_an_id_means_the_call_whose_spans_have_the_very_same_text(external_id: str) -> None:
    """Blanks around an id are part of it, in `roark.external_id` as in `attach_recording`."""
    with AnsweringServer() as server:
        app = App(server.url, recording_url=None)
        app.conversation(external_id, "Hello.", **{"roark.conversation.root": True})
        app.processor.force_flush(10_000)
        assert app.processor.stats().awaiting_recording == 1

        if external_id != external_id.strip():
            assert attach_recording(external_id.strip(), "https://example.com/other.wav") == Kept()
        assert attach_recording(external_id, URL) == Attached(1)

        wait_until(lambda: len(server.seen) == 1)
    body = json.loads(server.seen[0].body)
    assert (body["externalId"], body["recordingUrl"]) == (external_id, URL)


def test_late_tools_that_roark_rejected_do_not_become_a_call(tmp_path: Path) -> None:
    """Their file has no recording either, but is not a call that could get one."""
    directory = tmp_path / "spool" / ("a" * 16)
    spool, name = Spool(directory), late_name(call_name("call-1", 7), 1)
    spool.put(name, Header("call-1", "a1", 1.0, 0.0, turns=0, tools=1), b'{"toolInvocations":[{}]}', Stage.LATE)
    with spool.claim(name) as late:
        assert isinstance(late, Spooled)
        spool.reject(late, 404, "no such call")

    assert attach_recording("call-1", URL) == Kept()

    assert sorted(path.name for path in directory.rglob("*.json*")) == [f"{name}.jsonl", f"{name}.reason.json"]


def test_a_recording_that_a_courier_finds_first_is_attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept before calls are looked for, so a courier that looks at the same moment gives it to its call."""
    directory = tmp_path / "spool" / ("a" * 16)
    spool, name = Spool(directory), call_name("call-1", 7)
    spool.put(name, Header("call-1", "a1", 1.0, 0.0, 1, 0), b"{}", Stage.WAITING)

    def listed(root: Path) -> list[Path]:
        assert attachments.kept_for(root, "call-1") == URL
        attachments.give(spool, name, URL)
        attachments.drop(root, "call-1")
        with spool.claim(name) as call:
            assert isinstance(call, Spooled)
            spool.remove(call)  # it is delivered
        return [directory]

    monkeypatch.setattr(attachments, "directories", listed)

    assert attachments.attach_below(directory.parent, "call-1", URL) == 1
    monkeypatch.undo()
    assert attachments.attach_below(directory.parent, "call-2", URL) == 0


def test_calls_that_wait_get_a_recording_that_cannot_be_kept(tmp_path: Path) -> None:
    """Something else has the name of the directory in which it would be kept for a call to come."""
    root = tmp_path / "spool"
    spool, name = Spool(root / ("a" * 16)), call_name("call-1", 7)
    spool.put(name, Header("call-1", "a1", 1.0, 0.0, 1, 0), b'{"externalId":"call-1"}', Stage.WAITING)
    (root / "attached").write_bytes(b"")

    assert attach_recording("call-1", URL) == Attached(1)
    with spool.claim(name) as call:
        assert isinstance(call, Spooled)
        assert json.loads(call.body)["recordingUrl"] == URL
    with pytest.raises(OSError, match="attached"):
        attach_recording("call-2", URL)
