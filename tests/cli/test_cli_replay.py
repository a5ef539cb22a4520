"""`roark-otel replay`: a file of spans becomes calls, once, however often it is replayed."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel._delivery.client import Client
from roark_otel._settings.settings import Settings
from roark_otel._sources.made import ReadyCall
from roark_otel.cli.problems import Problem
from roark_otel.cli.replay.sending import ATTEMPTS, Already, Created, NotTaken, send
from roark_otel.dialects import DIALECTS
from roark_otel.types import Dialect
from support.answering import Answer, AnsweringServer, created, invalid
from support.helpers import T0
from support.otlp_lines import ended, line, lines
from support.otlp_requests import protobuf, request
from support.otlp_requests import span as encoded_span
from support.recorded_minutes import MINUTE, a_call
from support.replaying import SPANS, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.sandbox import Sandbox

    Run = Callable[..., tuple[int, str, str]]


def calls(first: int, last: int) -> bytes:
    return b"".join(line(a_call(number)) for number in range(first, last))


@pytest.fixture(name="replay")
def _replay(command: Run, sandbox: Sandbox, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Replays a file to the sandbox."""

    def replay(content: bytes, *options: str, **environment: str) -> tuple[int, str, str]:
        file = tmp_path / "spans.jsonl"
        file.write_bytes(content)
        defaults = {"ROARK_API_KEY": "k", "ROARK_BASE_URL": sandbox.url, "ROARK_SPOOL_DIR": str(tmp_path / "spool")}
        return command("replay", str(file), *options, **{**defaults, **environment})

    return replay


def ids(sandbox: Sandbox) -> list[str]:
    return [call["externalId"] for call in sandbox.calls()]


def test_a_file_becomes_calls(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """As a process of its own."""
    (tmp_path / "spans.jsonl").write_bytes(calls(0, 3))
    environment = {"ROARK_API_KEY": "k", "ROARK_BASE_URL": sandbox.url, "ROARK_SPOOL_DIR": str(tmp_path / "spool")}

    status, out, err = run("replay", str(tmp_path / "spans.jsonl"), **environment)

    assert (status, out, err) == (0, f"{tmp_path}/spans.jsonl: 3 created\n", "")
    assert ids(sandbox) == ["call-0", "call-1", "call-2"]
    body = sandbox.calls()[0]
    assert [entry["text"] for entry in body["transcript"]] == ["Sentence 0", "Sentence 1", "Sentence 2"]
    assert body["properties"]["service_name"] == "order-desk"


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"ROARK_BASE_URL": "user:hunter2@x"}, "no usable address: correct ROARK_BASE_URL"),
        (
            {"ROARK_BASE_URL": "https://x.example.com", "SSL_CERT_FILE": "/nonexistent"},
            "no connection to Roark: SSL_",
        ),
        ({"ROARK_BASE_URL": "https://x.example.com", "all_proxy": "socks://hunter2@x"}, "no connection to Roark: all_"),
    ],
)
def test_a_replay_without_a_connection_is_one_line(replay: Any, environ: dict[str, str], line: str) -> None:
    status, out, err = replay(calls(0, 1), **environ)

    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith(f"roark-otel: {line}")
    assert "hunter2" not in err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 90_000,
        b"[]",
        b'{"offset": Infinity, "head": "", "head_bytes": 0}',
        b'{"offset": "x", "head": "", "head_bytes": 0}',
        b'{"offset": 1.5, "head": "", "head_bytes": 0}',
        b'{"offset": -1, "head": "", "head_bytes": 0}',
        b'{"offset": 0, "head": "", "head_bytes": 1e400}',
    ],
    ids=range(8),
)
def test_a_bookmark_that_is_none_begins_at_the_start(
    replay: Any, sandbox: Sandbox, tmp_path: Path, content: bytes
) -> None:
    replay(calls(0, 1))
    (bookmark,) = (tmp_path / "spool" / "replay").iterdir()
    bookmark.write_bytes(content)

    assert replay(calls(0, 1))[1].endswith(": 0 created, 1 already there\n")
    assert len(sandbox.calls()) == 1


def test_a_second_replay_sends_nothing_and_one_from_the_start_changes_nothing(replay: Any, sandbox: Sandbox) -> None:
    content = calls(0, 3)
    replay(content)

    _, again, resumed = replay(content)
    _, from_start, _ = replay(content, "--from-start")

    assert again.endswith(": 0 created\n")
    assert "goes on at byte" in resumed
    assert from_start.endswith(": 0 created, 3 already there\n")
    assert len(sandbox.calls()) == 3


def test_a_file_that_has_grown_is_resumed(replay: Any, sandbox: Sandbox) -> None:
    """Also if its last line was incomplete."""
    whole = calls(0, 4)
    replay(whole[: len(calls(0, 2)) + 100])
    assert ids(sandbox) == ["call-0", "call-1"]

    status, out, _ = replay(whole)

    assert (status, out.rpartition(": ")[2]) == (0, "2 created\n")
    assert ids(sandbox) == ["call-0", "call-1", "call-2", "call-3"]


def test_another_file_of_the_same_name_is_read_from_its_beginning(replay: Any, sandbox: Sandbox) -> None:
    replay(calls(0, 2))

    _, out, err = replay(calls(5, 9))

    assert (out.rpartition(": ")[2], err) == ("4 created\n", "")
    assert len(sandbox.calls()) == 6


def test_a_conversation_whose_root_is_not_there_yet_waits_for_it(replay: Any, sandbox: Sandbox) -> None:
    spans = a_call(0)
    first, second = line(spans[:2]), line(spans[2:])
    _, out, _ = replay(first)
    assert "0 created, 1 trace not finished in the file (--incomplete" in out

    _, out, _ = replay(first + second)

    assert out.endswith(": 1 created\n")
    assert len(sandbox.calls()[0]["transcript"]) == 3


def test_what_never_ends_is_sent_on_request(replay: Any, sandbox: Sandbox) -> None:
    orphans = [span for span in a_call(0, children=2) if span.parent is not None]
    root = a_call(1)

    _, out, _ = replay(line(root) + line(orphans), "--incomplete", ROARK_EXTERNAL_ID_KEYS="")

    assert "1 created" in out
    assert ids(sandbox) == ["call-1"]  # the others show no id: only their root had it


def test_a_dry_run_prints_calls_and_sends_none(replay: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    status, out, err = replay(calls(0, 2), "--dry-run", ROARK_API_KEY="")

    assert status == 0
    assert [json.loads(row)["externalId"] for row in out.splitlines()] == ["call-0", "call-1"]
    assert err.endswith(": 2 to be created\n")
    assert sandbox.calls() == []
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("with_pages", [False, True], ids=["printed", "with pages"])
def test_a_dry_run_shows_a_call_without_a_recording_as_such(replay: Any, tmp_path: Path, with_pages: bool) -> None:
    """Its words are there to be seen before the template is set; what is in it is what would be sent."""
    content = calls(0, 1) + line(a_call(1, with_url=False, words="Unheard"))
    folder = tmp_path / "pages"

    status, out, err = replay(content, "--dry-run", *(["--html", str(folder)] if with_pages else []))

    first, second = map(json.loads, out.splitlines())
    assert first["recordingUrl"] == "https://example.com/0.wav"
    assert (second["externalId"], second["recordingUrl"]) == ("call-1", None)
    assert [entry["text"] for entry in second["transcript"]] == ["Unheard 0", "Unheard 1", "Unheard 2"]
    assert status == 1
    assert ": 1 to be created, 1 without a recording URL (set ROARK_RECORDING_URL_TEMPLATE)\n" in err
    assert "  call-1: cannot be sent: no recording URL is known, which Roark requires\n" in err
    assert len([*folder.glob("*.html")]) == (2 if with_pages else 0)

    template = "https://example.com/{external_id}.wav"
    status, out, _ = replay(content, "--dry-run", ROARK_RECORDING_URL_TEMPLATE=template)
    assert (status, json.loads(out.splitlines()[1])) == (
        0,
        {**second, "recordingUrl": "https://example.com/call-1.wav"},
    )


def test_a_recorded_dump(command: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    environment = {"ROARK_API_KEY": "k", "ROARK_BASE_URL": sandbox.url, "ROARK_SPOOL_DIR": str(tmp_path / "spool")}
    template = "https://example.com/{external_id}.wav"
    files = [str(SPANS / "pipecat/async_tool.json"), str(SPANS / "livekit/1.8.9-tool_call.json")]

    status, out, _ = command("replay", *files, ROARK_RECORDING_URL_TEMPLATE=template, **environment)

    rows = out.splitlines()
    assert (status, [row.rpartition(": ")[2] for row in rows]) == (0, ["1 created", "1 created", "2 created"])
    assert rows[-1] == "2 files: 2 created"
    assert ids(sandbox) == ["async2", "call-b"]


def test_what_node_exports(command: Run, sandbox: Sandbox) -> None:
    """LiveKit Agents for Node.js, as its exporter sends a conversation: several requests, the app's own span last."""
    status, out, err = command(
        "replay", "--dry-run", str(SPANS / "livekit-js/conversation.otlp.jsonl"), ROARK_API_KEY="k"
    )

    assert (status, sandbox.calls()) == (0, [])
    assert err.endswith(": 1 to be created\n")
    call = json.loads(out)
    assert call["externalId"] == "call-otlp-1"
    assert [(one["role"], one["text"]) for one in call["transcript"]] == [
        ("AGENT", "Hello there."),
        ("CUSTOMER", "Where is my order please"),
        ("AGENT", "Let me check that."),
        ("AGENT", "Your order was shipped."),
    ]
    assert [(one["name"], one["result"]) for one in call["toolInvocations"]] == [
        ("lookup_order", {"status": "shipped"})
    ]
    assert call["properties"]["stt_ttfb_ms"] == call["transcript"][1]["payload"]["stt_ttfb_ms"]
    assert 100 < call["properties"]["stt_ttfb_ms"] < 200


def test_a_voice_conversation_without_an_id_gets_one_on_request(replay: Any, sandbox: Sandbox) -> None:
    spans = [{**span, "resource": {}} for span in load("pipecat/async_tool")]
    for span in spans:
        span["attributes"].pop("roark.external_id", None)
    content = lines(ended(spans))
    template = {"ROARK_RECORDING_URL_TEMPLATE": "https://example.com/{external_id}.wav"}

    _, without, _ = replay(content, "--from-start", **template)
    _, given, _ = replay(content, "--from-start", ROARK_AUTO_EXTERNAL_ID="true", **template)

    assert "0 created, 1 trace without an external id" in without
    assert given.endswith(": 1 created\n")
    assert len(sandbox.calls()) == 1


def test_content_off_and_redaction_keep_words_private(replay: Any, sandbox: Sandbox) -> None:
    card = "My card is 4111 1111 1111 1111, sentence"
    replay(line(a_call(0, words=card)), ROARK_CAPTURE_CONTENT="false")
    replay(line(a_call(1, words=card)), ROARK_REDACT="card")

    without, redacted = sandbox.calls()
    assert "transcript" not in without
    assert redacted["transcript"][0]["text"] == "My card is [card], sentence 0"


def test_only_allowed_properties_are_sent(replay: Any, sandbox: Sandbox) -> None:
    attributes: dict[str, Any] = {"roark.property.shop": "a", "roark.property.secret": "b"}
    replay(line(a_call(0, **attributes)), ROARK_PROPERTIES_ALLOW="shop")

    properties = sandbox.calls()[0]["properties"]
    assert (properties["shop"], "secret" in properties) == ("a", False)


def test_what_cannot_become_a_call_is_reported(replay: Any, sandbox: Sandbox) -> None:
    """A bad line, a call without a recording, one marked, a second of the same id, a trace of something else."""
    no_id: dict[str, Any] = {"roark.external_id": None}
    skip: dict[str, Any] = {"roark.skip": True}
    first: dict[str, Any] = {"roark.external_id": "call-0"}
    skipped, twice, foreign = a_call(2, **skip), a_call(9, **first), a_call(4, children=0, **no_id)
    content = line(a_call(0)) + b"{not json}\n" + line(a_call(1, with_url=False)) + line(skipped) + line(twice)

    status, out, err = replay(content + line(foreign) + b'{"resourceLogs": []}\n\n')

    assert status == 1
    assert "1 created, 1 without a recording URL (set ROARK_RECORDING_URL_TEMPLATE, then --from-start)" in out
    assert "1 left out, because its id is that of another call" in out
    assert "1 marked roark.skip" in out
    assert "1 line that cannot be read" in out
    assert "  line 2: not JSON\n" in err
    assert "  call-1: cannot be sent: no recording URL is known, which Roark requires\n" in err
    assert ids(sandbox) == ["call-0"]


def printed(indent: int | None = 4) -> bytes:
    """What the SDK's console exporter makes of a conversation."""
    return "".join(f"{span.to_json(indent)}\n" for span in a_call(0)).encode()


@pytest.mark.parametrize(
    ("content", "cure"),
    [
        (b"\x28\xb5\x2f\xfd\x04", "it is compressed: zstd -dc FILE > FILE.json first"),
        (b"\x00\x00\x00\x20\x28\xb5\x2f\xfd", "leave out `compression` of the Collector's file exporter"),
        (b"\x7fELF", "it is neither OTLP, as JSON lines or protobuf"),
        (
            printed(),
            "it is what the SDK's console exporter prints, which is no OTLP: let the Collector's file exporter",
        ),
        (printed(indent=None), "it is what the SDK's console exporter prints"),
        (b"INFO: server started\n" + printed(), "it is what the SDK's console exporter prints"),
        (gzip.compress(printed(), mtime=0), "it is what the SDK's console exporter prints"),
        (json.dumps(json.loads(line(a_call(0))), indent=2).encode(), "each request has to be one line: jq -c . FILE"),
        (b"[" + line(a_call(0)) + b"]", "each request has to be one line: jq -c '.[]' FILE"),
        (line(a_call(0)).decode().encode("utf-16"), "it is UTF-16: write it as UTF-8 first"),
        (gzip.compress(b"\x7fELF", mtime=0), "it is neither OTLP, as JSON lines or protobuf"),
    ],
)
def test_a_file_of_another_kind_is_reported_in_one_line(replay: Any, content: bytes, cure: str) -> None:
    status, out, err = replay(content)

    assert (status, out, err.count("\n")) == (1, "", 1)
    assert cure in err


@pytest.mark.parametrize("content", [b"", b'{"resourceSpans": []}\n', b'{"resourceSpans": [{"scopeSp'])
def test_a_file_without_a_span_says_so(replay: Any, content: bytes) -> None:
    """An empty one, and one that ends before its first line does, which whoever writes it may still do."""
    status, printed, errors = replay(content, "--dry-run")

    assert (status, printed) == (0, "")
    assert errors.splitlines()[1:] == ["  no span: what is cut off at the end is not read"]


def test_a_mark_of_the_byte_order_is_no_part_of_a_line(replay: Any, sandbox: Sandbox) -> None:
    """Editors and shells of Windows write one before UTF-8; files that were put together have several."""
    mark = b"\xef\xbb\xbf"
    status, out, errors = replay(mark + line(a_call(0)) + mark + line(a_call(1)))

    assert (status, out.endswith(": 2 created\n"), errors) == (0, True, "")
    assert ids(sandbox) == ["call-0", "call-1"]


def test_words_that_look_like_the_console_exporters_are_words(replay: Any) -> None:
    words = json.loads(printed(indent=None).split(b"\n")[0])

    status, out, _ = replay(line(a_call(0, words=json.dumps(words))))

    assert (status, out.endswith(": 1 created\n")) == (0, True)


def test_of_very_many_bad_lines_the_first_are_named(replay: Any) -> None:
    status, out, err = replay(calls(0, 1) + b"{not json}\n" * 60 + calls(1, 2))

    assert (status, "2 created, 60 lines that cannot be read" in out) == (1, True)
    assert err.splitlines() == [*(f"  line {number}: not JSON" for number in range(2, 12)), "  and 50 others"]


def messages(first: int, last: int) -> list[bytes]:
    return [protobuf(a_call(number)) for number in range(first, last)]


def delimited(several: list[bytes]) -> bytes:
    """As the Collector's file exporter writes protobuf."""
    return b"".join(len(one).to_bytes(4, "big") + one for one in several)


@pytest.mark.parametrize("write", [delimited, b"".join])
def test_protobuf_is_read_as_json_is(replay: Any, sandbox: Sandbox, write: Callable[[list[bytes]], bytes]) -> None:
    """From where the last run stopped, too; a bad message is reported by its number."""
    some = write(messages(0, 2))

    assert replay(some)[1].endswith(": 2 created\n")
    status, out, err = replay(some + write([request(encoded_span(trace=b"")), *messages(2, 3)]))

    assert (status, "1 created, 1 message that cannot be read" in out) == (1, True)
    assert f"goes on at byte {len(some)}" in err
    assert "  message 1 from there on: a span has no id\n" in err
    assert ids(sandbox) == ["call-0", "call-1", "call-2"]


@pytest.mark.parametrize("content", [delimited(messages(0, 2)), calls(0, 2)])
def test_what_gzip_has_packed_is_read_whole_each_time(replay: Any, sandbox: Sandbox, content: bytes) -> None:
    packed = gzip.compress(content)

    assert replay(packed)[1].endswith(": 2 created\n")
    assert replay(packed)[1].endswith(": 0 created, 2 already there\n")
    status, out, err = replay(packed[:-12])
    assert (status, "1 line " in out or "1 message " in out) == (1, True)
    assert "damaged or cut off here" in err
    assert ids(sandbox) == ["call-0", "call-1"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_reported_in_one_line(command: Run, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(calls(0, 1),))
    writer.start()
    status, _, err = command("replay", str(pipe), ROARK_API_KEY="k")
    writer.join()
    assert (status, err.count("\n")) == (1, 1)
    assert "a pipe cannot be: write it to a file first" in err


def test_a_missing_file_or_key_is_reported_in_one_line(command: Run, tmp_path: Path) -> None:
    status, _, err = command("replay", str(tmp_path / "nowhere"), ROARK_API_KEY="k")
    assert (status, err) == (1, f"roark-otel: {tmp_path}/nowhere: No such file or directory\n")

    status, _, err = command("replay", str(tmp_path / "nowhere"))
    assert (status, err) == (1, "roark-otel: there is no key: set ROARK_API_KEY, or look with --dry-run first\n")


def test_a_killed_replay_is_resumed(start: Callable[..., Any], replay: Any, tmp_path: Path) -> None:
    """Killed in the middle of a request: no call is created twice, and none is left out."""
    made: list[str] = []

    def answer(seen: Any) -> Answer:
        if seen.external_id in made:
            return Answer(409)
        made.append(seen.external_id)
        if len(made) == 3 and len(killed) == 0:
            killed.append(True)
            process.send_signal(signal.SIGKILL)
        return created(seen.external_id)

    killed: list[bool] = []
    content = calls(0, 8)
    with AnsweringServer(then=answer) as server:
        environment = {"ROARK_API_KEY": "k", "ROARK_BASE_URL": server.url, "ROARK_SPOOL_DIR": str(tmp_path / "spool")}
        (tmp_path / "spans.jsonl").write_bytes(content)
        process = start("replay", str(tmp_path / "spans.jsonl"), **environment)
        assert process.wait(60) == -signal.SIGKILL
        status, out, err = replay(content, **environment)

    assert status == 0
    assert "goes on at byte" in err
    assert sorted(made) == [f"call-{number}" for number in range(8)]
    assert len(re.findall("[0-9]+ created", out)) == 1


def test_a_rejected_call_holds_up_no_other(replay: Any) -> None:
    def answer(seen: Any) -> Answer:
        return invalid("transcript") if seen.external_id == "call-1" else created(seen.external_id)

    with AnsweringServer(then=answer) as server:
        status, out, err = replay(calls(0, 3), ROARK_BASE_URL=server.url)

    assert (status, out.rpartition(": ")[2]) == (1, "2 created, 1 rejected\n")
    assert err == "  call-1: Roark does not accept it (400, transcript)\n"


def test_a_refused_key_stops_a_replay(replay: Any) -> None:
    with AnsweringServer(then=Answer(401)) as server:
        status, out, err = replay(calls(0, 3), ROARK_BASE_URL=server.url)
        assert len(server.seen) == 1

    assert (status, out) == (1, "")
    assert "Roark refuses the key, the project or the address (401)" in err


class FailsInRead:
    """A reader that cannot read."""

    def read(self, _: object) -> None:
        raise RuntimeError("the customer's words are secret")

    def moments(self) -> tuple[()]:
        return ()


class FailsInMoments:
    """A reader that cannot report what it has read."""

    def read(self, _: object) -> None: ...

    def moments(self) -> tuple[()]:
        raise RuntimeError("the customer's words are secret")


@pytest.mark.faults
@pytest.mark.parametrize("options", [[], ["--dry-run"]], ids=["sent", "dry run"])
@pytest.mark.parametrize("reader", [FailsInRead, FailsInMoments])
def test_a_reader_that_raises_holds_up_no_call_and_the_status_is_1(
    replay: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, reader: Callable[[], Any], options: list[str]
) -> None:
    broken = Dialect(name="broken", reader=lambda _: reader())
    monkeypatch.setattr("roark_otel.dialects.DIALECTS", (broken, *DIALECTS))

    status, out, err = replay(calls(0, 2), *options)

    printed = [json.loads(row)["externalId"] for row in out.splitlines() if row.startswith("{")]
    assert (printed if options else ids(sandbox)) == ["call-0", "call-1"]
    assert status == 1
    assert " faults in roark-otel" in (err if options else out)
    assert "secret" not in out + err


def client_of(url: str) -> Client:
    settings = Settings().with_arguments(api_key="k", base_url=url)
    assert settings.api_key is not None
    return Client(settings.base_url, settings.api_key, None, 5)


A_CALL = ReadyCall("call-1", b'{"externalId": "call-1"}', 0, 0)


def test_a_busy_roark_is_retried_a_bounded_number_of_times() -> None:
    waited: list[float] = []
    busy = [Answer(503), Answer(429, headers={"Retry-After": "7"})]
    with AnsweringServer(*busy, created(), Answer(409), invalid("agents"), then=Answer(503)) as server:
        client = client_of(server.url)
        assert send(client, A_CALL, waited.append) == Created()
        assert send(client, A_CALL, waited.append) == Already()
        assert send(client, A_CALL, waited.append) == NotTaken("400, agents")
        assert (len(waited), waited[1]) == (2, 7.0)
        with pytest.raises(Problem, match="goes on from here later"):
            send(client, A_CALL, waited.append)
        client.close()

    assert len(server.seen) == 5 + ATTEMPTS


MEASURED = """
import json, re, sys
from pathlib import Path

if sys.argv[1] == "keeps":  # a reader that lets go of nothing
    loads, kept = json.loads, []
    json.loads = lambda *arguments: kept.append(loads(*arguments)) or kept[-1]

from roark_otel.cli import main

status = main(sys.argv[2:])
kib = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))[1]
print("PEAK", int(kib) * 1024, file=sys.stderr)
sys.exit(status)
"""
"""The command in a process that then prints the most memory that it has had, in bytes."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


def _moved(at: dict[str, str], found: re.Match[str]) -> str:
    return f'"{at.get(found[1], found[1])}"'


def spread_out(file: Path, traces: int) -> Path:
    """Writes one conversation, and traces of something else, one a minute."""
    about: dict[str, Any] = {"roark.external_id": None, "note": "x" * 4_000}
    foreign = line(a_call(0, children=1, **about)).decode()
    (trace_id,) = set(re.findall(r'"traceId": "(\w+)"', foreign))
    with file.open("w", encoding="utf-8") as out:
        out.write(line(a_call(0)).decode())
        for number in range(1, traces):
            at = {str(T0 + shift): str(T0 + shift + number * MINUTE) for shift in (0, 1, MINUTE // 2)}
            moved = re.sub(r'"(1795\d{15})"', partial(_moved, at), foreign)
            out.write(moved.replace(trace_id, f"{number:032x}"))
    return file


@pytest.fixture(name="peak")
def _peak(run: Run, sandbox: Sandbox, tmp_path: Path) -> Callable[..., int]:
    """Replays a file in a process of its own. Returns the most memory that it had, in bytes."""

    def peak(file: Path, how: str = "as it is") -> int:
        environment = {"ROARK_API_KEY": "k", "ROARK_BASE_URL": sandbox.url, "ROARK_SPOOL_DIR": str(tmp_path / "spool")}
        status, out, err = run(how, "replay", "--from-start", str(file), code=MEASURED, **environment)
        assert (status, len(sandbox.calls())) == (0, 1), err
        with file.open("rb") as lines_of_file:
            assert f"{sum(1 for _ in lines_of_file) - 1} traces without an external id" in out
        return int(re.findall(r"PEAK (\d+)", err)[0])

    return peak


@needs_proc
@pytest.mark.parametrize("traces", [4_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_memory_does_not_grow_with_the_file(peak: Callable[..., int], tmp_path: Path, traces: int) -> None:
    """One conversation among very many other traces, spread over time as they are."""
    short, long = spread_out(tmp_path / "short.jsonl", 20), spread_out(tmp_path / "long.jsonl", traces)

    assert peak(long) - peak(short) < long.stat().st_size / 2


@needs_proc
def test_the_measurement_sees_memory_that_grows_with_the_file(peak: Callable[..., int], tmp_path: Path) -> None:
    short, long = spread_out(tmp_path / "short.jsonl", 20), spread_out(tmp_path / "long.jsonl", 4_000)

    assert peak(long, "keeps") - peak(short, "keeps") > long.stat().st_size / 2


def test_a_replay_names_the_spans_of_the_file(command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = a_call(1)
    (tmp_path / "spans.jsonl").write_bytes(lines(spans))
    monkeypatch.setenv("ROARK_PAYLOAD_SPAN_IDS", "true")

    _, out, _ = command("replay", "--dry-run", str(tmp_path / "spans.jsonl"))

    turns = [f"{one.context.span_id:016x}" for one in spans if one.name == "turn" and one.context]
    assert [one["payload"] for one in json.loads(out)["transcript"]] == [{"span_id": name} for name in turns]
