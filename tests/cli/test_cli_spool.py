"""`roark-otel spool` on the files of an app that died."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from roark_otel import cli
from roark_otel._engine.parts import spool_directory
from roark_otel._settings.settings import Settings
from roark_otel._spool.file import Header, to_bytes
from roark_otel._spool.id_hash import ids_of
from roark_otel._spool.listing import directories
from roark_otel._spool.names import Stage, file_name, late_name
from roark_otel._spool.spool import Spool
from roark_otel.sandbox import Sandbox
from support.helpers import KEY, by_id, wait_until
from support.spool_names import call_name
from support.writers import spool_and_die

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Started

SAID = "the customer's words"

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["support.writers", "roark_otel", "roark_otel._linking.link", "opentelemetry.sdk.trace"])


@pytest.fixture(name="run")
def _run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in this process. Returns exit status, stdout, stderr."""

    def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                status = cli.main(arguments)
            except SystemExit as usage:
                status = int(str(usage.code))
        return status, *capsys.readouterr()

    return run


@pytest.fixture(name="dead_app", scope="module")
def _dead_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spool of an app that died before it could send its calls: one is ready, one lacks its recording."""
    spool_dir = tmp_path_factory.mktemp("dead_app") / "spool"
    leave_calls("http://127.0.0.1:9", spool_dir)
    return spool_dir


@pytest.fixture(name="left")
def _left(dead_app: Path, tmp_path: Path) -> None:
    """A copy of that spool, in the directory that `ROARK_SPOOL_DIR` names."""
    shutil.copytree(dead_app, tmp_path / "spool")


def leave_calls(url: str, spool_dir: Path) -> None:
    """Runs an app that dies before it can send its calls to this address."""
    app = CONTEXT.Process(target=spool_and_die, args=(url, spool_dir, KEY, SAID))
    app.start()
    app.join(60)
    assert app.exitcode == 0


@pytest.fixture(name="drain")
def _drain(start: Callable[..., Started]) -> Callable[..., tuple[int, str, str]]:
    """Runs `spool drain` in a process of its own, whose courier ends with it."""

    def drain(*arguments: str, **environment: str) -> tuple[int, str, str]:
        process = start("spool", "drain", *arguments, **environment)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    return drain


def listed(run: Callable[..., tuple[int, str, str]]) -> dict[str, dict[str, Any]]:
    status, out, err = run("spool", "list", "--json")
    assert (status, err) == (0, "")
    return {one["external_id"]: one for one in json.loads(out)}


@pytest.mark.usefixtures("left")
def test_list_and_show(run: Callable[..., tuple[int, str, str]]) -> None:
    """What each call waits for; the words of a call only with --body."""
    status, out, err = run("spool", "list")
    assert (status, err) == (0, "")
    assert "call-1" in out
    assert "waits for its recording" in out
    files = listed(run)
    assert {name: one["state"] for name, one in files.items()} == {"call-1": "ready", "call-2": "waiting"}
    assert files["call-1"]["turns"] == 1
    status, out, _ = run("spool", "show", "call-2")
    assert status == 0
    assert files["call-2"]["name"] in out
    assert SAID not in out
    status, out, _ = run("spool", "show", files["call-2"]["name"], "--body", "--json")
    assert json.loads(out)["body"]["transcript"][0]["text"] == SAID
    assert run("spool", "show", "call-9")[0] == 1


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff", b"nonsense", b"[" * 90_000, b'{"a": 1' + b"0" * 5_000 + b"}", b"\x00", b'{"a": "\\ud800"'],
    ids=range(7),
)
def test_a_body_that_cannot_be_read_is_one_line(body: bytes, run: Callable[..., tuple[int, str, str]]) -> None:
    """The rest of what is known of the call is shown."""
    (path,) = Path(os.environ["ROARK_SPOOL_DIR"]).glob("*/*.ready.jsonl")
    path.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n" + body + b"\n")
    name = listed(run)["call-1"]["name"]

    status, out, err = run("spool", "show", "call-1", "--body")
    assert (status, err) == (1, f"{path}: the body cannot be read as JSON, and is not shown\n")
    assert name in out
    status, out, err = run("spool", "show", "call-1", "--body", "--json")
    assert (status, err) == (1, f"{path}: the body cannot be read as JSON, and is not shown\n")
    assert json.loads(out)["name"] == name


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize(("body", "shown"), [(b"null", "null"), (b'{"a": NaN}', '"a": NaN'), (b"[]", "[]")])
def test_an_odd_body_is_shown_as_it_is(body: bytes, shown: str, run: Callable[..., tuple[int, str, str]]) -> None:
    (path,) = Path(os.environ["ROARK_SPOOL_DIR"]).glob("*/*.ready.jsonl")
    path.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n" + body + b"\n")

    status, out, err = run("spool", "show", "call-1", "--body")

    assert (status, err) == (0, "")
    assert shown in out


@pytest.mark.usefixtures("left")
def test_reject_retry_and_purge(run: Callable[..., tuple[int, str, str]]) -> None:
    """A call is set aside, comes back as one that was never tried, and is deleted only while it is rejected."""
    assert run("spool", "reject", "call-1")[0] == 0
    one = listed(run)["call-1"]
    assert (one["state"], one["reason"], one["status"]) == ("rejected", "by hand", None)
    assert run("spool", "reject", "call-1")[0] == 1
    assert run("spool", "retry", "call-1")[0] == 0
    assert listed(run)["call-1"]["state"] == "ready"
    assert run("spool", "retry", "call-1")[0] == 1
    assert run("spool", "retry")[0] == run("spool", "purge")[0] == 2
    assert run("spool", "reject", "call-2")[0] == 0
    assert run("spool", "retry", "--rejected", "--json")[0] == 0
    assert listed(run)["call-2"]["state"] == "waiting"
    assert run("spool", "reject", "call-2")[0] == 0
    assert run("spool", "purge", "--rejected")[:2] == (0, "deleted 1 rejected call\n")
    assert set(listed(run)) == {"call-1"}


@pytest.mark.usefixtures("left")
def test_forget_deletes_all_of_an_id_and_nothing_else(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """What waits, what goes on in no living process, what was rejected, and a recording that came before its call."""
    (directory,) = directories(tmp_path / "spool")
    spool, header = Spool(directory), Header("call-1", "a1", 0.0, 0.0, 1, 0, owner="0123456789abcdef")
    assert spool.open_calls is not None
    (directory / file_name(call_name("call-1", 5), Stage.OPEN)).write_bytes(to_bytes(header, b"{}"))
    spool.put_aside(call_name("call-1", 6), header, b"{}", "by hand")
    spool.put(late_name(call_name("call-1", 7), 1), header, b"{}", Stage.LATE)
    assert run("spool", "attach", "call-3", "https://example.com/3.wav")[0] == 0

    assert run("spool", "forget", "call-1")[:2] == (0, "deleted 4 files\n")
    assert json.loads(run("spool", "forget", "call-3", "--json")[1])["erased"] == 1
    assert listed(run).keys() == {"call-2"}
    (root,) = {path.parent.parent for path in tmp_path.rglob("*.jsonl")}
    assert [path for path in tmp_path.rglob("*.json*") if not path.name.startswith(ids_of(root).of("call-2"))] == []
    assert run("spool", "forget", "call-1")[:2] == (0, "nothing was deleted\n")


@pytest.mark.usefixtures("left")
def test_forget_says_what_goes_on(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (directory,) = directories(tmp_path / "spool")
    living = Spool(directory)
    assert living.open_calls is not None
    assert living.open_calls.save(call_name("call-9", 9), Header("call-9", "a1", 0.0, 0.0, 1, 0), b"{}")

    status, out, _ = run("spool", "forget", "call-9")
    assert (status, "a living process" in out) == (1, True)
    living.leave_to_parent()  # as if it had died
    assert run("spool", "forget", "call-9")[:2] == (0, "deleted 1 file\n")


@pytest.mark.usefixtures("left")
def test_a_call_that_is_being_sent_is_not_rejected(run: Callable[..., tuple[int, str, str]]) -> None:
    """The courier that sends it holds its lock."""
    one = listed(run)["call-1"]
    (path,) = Path(one["directory"]).glob(f"{one['name']}.*")
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        status, out, _ = run("spool", "reject", "call-1")
    assert status == 1
    assert "is being sent right now" in out
    assert listed(run)["call-1"]["state"] == "ready"


def test_drain_delivers_without_an_app(drain: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """Status 1 while Roark is down, 2 without a key, 0 when everything due is delivered."""
    with Sandbox() as gone:
        url = gone.url
    leave_calls(url, tmp_path / "spool")
    environment = {"ROARK_API_KEY": KEY, "ROARK_BASE_URL": url}
    assert drain()[0] == 2
    assert drain("--timeout", "2", **environment)[0] == 1
    with Sandbox(port=int(url.rsplit(":", 1)[1])) as back:
        status, out, err = drain("--json", **environment)
        assert status == 0, err
        counts = json.loads(out)
        assert (counts["delivered"], counts["left"], counts["awaiting_recording"]) == (1, 0, 1)
        assert set(by_id(back.calls())) == {"call-1"}
        assert KEY not in out + err
        assert SAID not in out + err


@pytest.fixture(name="cut_off")
def _cut_off(tmp_path: Path, sandbox: Sandbox) -> dict[str, str]:
    """Leaves a conversation whose process has died in its middle. Returns the environment of a `drain` for it."""
    directory = spool_directory(Settings(base_url=sandbox.url, spool_dir=tmp_path / "spool"), SecretStr(KEY))
    dying = Spool(directory)
    assert dying.open_calls is not None
    header = Header("call-9", "a1", 0.0, 0.0, 1, 0)
    body = {
        "externalId": "call-9",
        "startedAt": "2026-01-01T00:00:00Z",
        "recordingUrl": "https://example.com/9.wav",
        "interfaceType": "PHONE",
        "callDirection": "INBOUND",
        "agent": {"name": "desk"},
        "customer": {"phoneNumberE164": "+12025550123"},
    }
    assert dying.open_calls.save(call_name("call-9", 9), header, json.dumps(body).encode())
    dying.leave_to_parent()  # as if it had died
    return {"ROARK_API_KEY": KEY, "ROARK_BASE_URL": sandbox.url}


def test_drain_says_what_rests_after_a_crash(
    run: Callable[..., tuple[int, str, str]],
    drain: Callable[..., tuple[int, str, str]],
    cut_off: dict[str, str],
    sandbox: Sandbox,
) -> None:
    """It does not wait for what rests longer than its timeout, and does not pretend that nothing is left."""
    status, out, _ = drain(**cut_off, ROARK_QUIET_SECONDS="3600")
    assert status == 1
    assert re.search(r"^1 in .*: its process ended first; it becomes a call in 3[56]\d\d s", out, re.MULTILINE)
    out = run("spool", "list", **cut_off, ROARK_QUIET_SECONDS="3600")[1]
    assert re.search(r"has not ended .* call-9 +its process ended first; it becomes a call in 3[56]\d\d s", out)
    assert sandbox.calls() == []


def test_what_was_cut_off_under_another_key_does_not_go_out_by_itself(
    run: Callable[..., tuple[int, str, str]],
    drain: Callable[..., tuple[int, str, str]],
    cut_off: dict[str, str],
    sandbox: Sandbox,
) -> None:
    """Its key was never asked about, so it may be another project's: every command names what takes it over."""
    other = {**cut_off, "ROARK_API_KEY": "new-key", "ROARK_QUIET_SECONDS": "0.1"}
    wait_until(lambda: "call-9" in run("spool", "list", **other)[1], 60)
    status, out, _ = drain(**other)
    directory = listed(run)["call-9"]["directory"]
    said = [out, run("spool", "list", **other)[1], run("doctor", **other)[1]]
    assert all(f"`roark-otel spool adopt {directory}`" in one for one in said), said
    assert not any("goes out next" in one for one in said)
    assert (status, sandbox.calls()) == (0, [])
    assert run("spool", "adopt", directory, **other)[0] == 0
    assert drain(**other)[0] == 0
    assert set(by_id(sandbox.calls())) == {"call-9"}


def test_drain_waits_for_what_rests_after_a_crash(
    drain: Callable[..., tuple[int, str, str]], cut_off: dict[str, str], sandbox: Sandbox
) -> None:
    status, out, err = drain("--json", **cut_off, ROARK_QUIET_SECONDS="1")
    assert (status, json.loads(out)["delivered"]) == (0, 1), err
    assert set(by_id(sandbox.calls())) == {"call-9"}


def test_drain_follow_delivers_until_sigterm(sandbox: Sandbox, start: Callable[..., Started], tmp_path: Path) -> None:
    """A sidecar delivers the calls that the app could not send, and once more when the pod ends."""
    process = start("spool", "drain", "--follow", "--json", ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url)
    leave_calls(sandbox.url, tmp_path / "spool")
    wait_until(lambda: bool(sandbox.calls()), 60)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert json.loads(out)["delivered"] == 1


@pytest.mark.usefixtures("left")
def test_adopt_after_a_change_of_keys(
    run: Callable[..., tuple[int, str, str]],
    drain: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    sandbox: Sandbox,
) -> None:
    """A new key has a directory of its own; the calls that the old one left are taken over and sent."""
    old = listed(run)["call-1"]["directory"]
    environment = {"ROARK_API_KEY": "new-key", "ROARK_BASE_URL": sandbox.url}
    assert run("spool", "adopt", str(tmp_path / "nowhere"), **environment)[0] == 1
    status, out, err = run("spool", "adopt", old, **environment)
    assert (status, err) == (0, "")
    assert out.startswith("moved 2 calls to ")
    assert listed(run)["call-1"]["directory"] != old
    assert drain(**environment)[0] == 0
    assert set(by_id(sandbox.calls())) == {"call-1"}


@pytest.mark.usefixtures("left")
def test_attach(run: Callable[..., tuple[int, str, str]]) -> None:
    """A recording is attached to a call that waits for it, or kept for one to come; without a key."""
    status, out, _ = run("spool", "attach", "call-2", "https://example.com/2.wav")
    assert (status, out) == (0, "attached to 1 call\n")
    assert listed(run)["call-2"]["state"] == "ready"
    assert run("spool", "attach", "call-3", "https://example.com/3.wav", "--json")[:2] == (0, '{"attached": 0}\n')
    assert run("spool", "attach", "call-3", "no address")[0] == 2


@pytest.mark.parametrize(
    ("name", "value"), [("ROARK_OBSERVABILITY_ENABLED", "false"), ("ROARK_SPOOL", "memory")], ids=["off", "memory"]
)
@pytest.mark.usefixtures("left")
def test_drain_refuses_what_the_settings_forbid(
    run: Callable[..., tuple[int, str, str]], sandbox: Sandbox, name: str, value: str
) -> None:
    """With the kill switch nothing is sent, and in memory there is nothing to send."""
    status, out, err = run("spool", "drain", ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, **{name: value})
    assert (status, out) == (2, "")
    assert name in err
    assert sandbox.calls() == []


def test_a_missing_spool_is_reported_in_one_line(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    status, out, err = run("spool", "list", "--spool-dir", str(tmp_path / "nowhere"))
    assert (status, out) == (1, "")
    assert err.startswith("roark-otel: no spool at ")
    assert err.count("\n") == 1


def test_an_id_is_found_under_a_locale_of_ascii(
    run: Callable[..., tuple[int, str, str]], start: Callable[..., Started]
) -> None:
    assert run("spool", "attach", "ünï-☎", "https://recordings.example.com/1.wav")[0] == 0
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    out, err = start("spool", "forget", "ünï-☎", **ascii_only).communicate(timeout=300)

    assert (out, err) == ("deleted 1 file\n", "")


def test_a_hostile_id_does_nothing_to_a_terminal(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """An id with escape sequences is printed without them."""
    external_id = "\x1b[31mred\x07"
    header = Header(external_id, "a1", 1_795_348_364.25, 0.0, turns=1, tools=0)
    Spool(tmp_path / "spool" / ("a" * 16)).put(call_name(external_id, 7), header, b"{}", Stage.WAITING)
    status, out, _ = run("spool", "list")
    assert status == 0
    assert "red" in out
    assert "\x1b" not in out
