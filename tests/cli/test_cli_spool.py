"""The spool from the command line, on files that an app left."""

from __future__ import annotations

import fcntl
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import cli
from roark_otel.sandbox import Sandbox
from support.helpers import KEY, App, by_id, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Started

SAID = "the customer's words"


@pytest.fixture(name="run")
def _run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in this process: exit status, stdout, stderr."""

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


@pytest.fixture(name="url")
def _url() -> str:
    """Where nobody listens any more."""
    with Sandbox() as gone:
        return gone.url


@pytest.fixture(name="left")
def _left(url: str) -> None:
    """What an app leaves that dies before it sends anything: a call, and one without a recording."""
    app = silent_app(url)
    app.conversation("call-1", SAID, **{"roark.recording_url": "https://example.com/1.wav"})
    app.conversation("call-2", SAID)
    app.processor.force_flush()


def silent_app(url: str) -> App:
    """An app whose calls stay in the spool."""
    app = App(url, recording_url=None)
    courier: Any = app.processor._engine.parts.courier
    courier.offer = courier.await_recording = lambda *_: None
    courier.flush = lambda _: True
    return app


@pytest.fixture(name="drain")
def _drain(start: Callable[..., Started]) -> Callable[..., tuple[int, str, str]]:
    """Runs `spool drain` in a process of its own, which ends with its attempts."""

    def drain(*arguments: str, **environment: str) -> tuple[int, str, str]:
        process = start("spool", "drain", *arguments, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    return drain


def listed(run: Callable[..., tuple[int, str, str]]) -> dict[str, dict[str, Any]]:
    status, out, err = run("spool", "list", "--json")
    assert (status, err) == (0, "")
    return {one["external_id"]: one for one in json.loads(out)}


@pytest.mark.usefixtures("left")
def test_list_and_show(run: Callable[..., tuple[int, str, str]]) -> None:
    """Who waits for what; the words of a call only where they are asked for."""
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
def test_reject_retry_and_purge(run: Callable[..., tuple[int, str, str]]) -> None:
    """A call is set aside, comes back as one that was never tried, and is deleted only from where rejected ones are."""
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
    assert run("spool", "purge", "--rejected")[:2] == (0, "1 rejected calls are deleted\n")
    assert set(listed(run)) == {"call-1"}


@pytest.mark.usefixtures("left")
def test_call_that_is_being_sent_is_left_alone(run: Callable[..., tuple[int, str, str]]) -> None:
    """Whoever sends it holds its lock."""
    one = listed(run)["call-1"]
    (path,) = Path(one["directory"]).glob(f"{one['name']}.*")
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        status, out, _ = run("spool", "reject", "call-1")
    assert status == 1
    assert "is being sent just now" in out
    assert listed(run)["call-1"]["state"] == "ready"


@pytest.mark.usefixtures("left")
def test_drain_delivers_without_an_app(drain: Callable[..., tuple[int, str, str]], url: str) -> None:
    """Status 1 while Roark is down, 2 without a key, 0 when everything due is delivered."""
    environment = {"ROARK_API_KEY": KEY, "ROARK_BASE_URL": url}
    assert drain()[0] == 2
    assert drain("--timeout", "0.2", **environment)[0] == 1
    with Sandbox(port=int(url.rsplit(":", 1)[1])) as back:
        status, out, err = drain("--json", **environment)
        assert status == 0, err
        told = json.loads(out)
        assert (told["delivered"], told["left"], told["awaiting_recording"]) == (1, 0, 1)
        assert set(by_id(back.calls())) == {"call-1"}
        assert KEY not in out + err
        assert SAID not in out + err


def test_drain_follow_goes_on_until_sigterm(sandbox: Sandbox, start: Callable[..., Started]) -> None:
    """A sidecar delivers what the app beside it does not, and once more when the pod ends."""
    process = start("spool", "drain", "--follow", "--json", ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url)
    app = silent_app(sandbox.url)
    app.conversation("call-1", SAID, **{"roark.recording_url": "https://example.com/1.wav"})
    app.processor.force_flush(1)
    wait_until(lambda: bool(sandbox.calls()), 60)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["delivered"] == 1


@pytest.mark.usefixtures("left")
def test_adopt_after_a_change_of_keys(
    run: Callable[..., tuple[int, str, str]], drain: Callable[..., tuple[int, str, str]], tmp_path: Path, url: str
) -> None:
    """A new key has a directory of its own; what the old one left is taken over and sent."""
    old = listed(run)["call-1"]["directory"]
    with Sandbox(port=int(url.rsplit(":", 1)[1])) as back:
        environment = {"ROARK_API_KEY": "new-key", "ROARK_BASE_URL": url}
        assert run("spool", "adopt", str(tmp_path / "nowhere"), **environment)[0] == 1
        status, out, err = run("spool", "adopt", old, **environment)
        assert (status, err) == (0, "")
        assert out.startswith("2 calls are now in ")
        assert listed(run)["call-1"]["directory"] != old
        assert drain(**environment)[0] == 0
        assert set(by_id(back.calls())) == {"call-1"}


@pytest.mark.usefixtures("left")
def test_attach(run: Callable[..., tuple[int, str, str]]) -> None:
    """A recording is attached to a call that waits for it, or kept for one that comes; without a key."""
    status, out, _ = run("spool", "attach", "call-2", "https://example.com/2.wav")
    assert (status, out) == (0, "attached to 1 call\n")
    assert listed(run)["call-2"]["state"] == "ready"
    assert run("spool", "attach", "call-3", "https://example.com/3.wav", "--json")[:2] == (0, '{"attached": 0}\n')
    assert run("spool", "attach", "call-3", "no address")[0] == 2


@pytest.mark.parametrize(
    ("name", "value"), [("ROARK_OBSERVABILITY_ENABLED", "false"), ("ROARK_SPOOL", "memory")], ids=["off", "memory"]
)
@pytest.mark.usefixtures("left")
def test_drain_that_the_settings_forbid(
    run: Callable[..., tuple[int, str, str]], sandbox: Sandbox, name: str, value: str
) -> None:
    """The kill switch is one here, too; and in memory there is nothing."""
    status, out, err = run("spool", "drain", ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, **{name: value})
    assert (status, out) == (2, "")
    assert name in err
    assert sandbox.calls() == []


def test_no_spool_at_all(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """A person is told in one line."""
    status, out, err = run("spool", "list", "--spool-dir", str(tmp_path / "nowhere"))
    assert (status, out) == (1, "")
    assert err.startswith("roark-otel: there is no spool at ")


def test_hostile_id_does_nothing_to_a_terminal(run: Callable[..., tuple[int, str, str]], url: str) -> None:
    """An id with escape sequences is shown without them."""
    app = silent_app(url)
    app.conversation("\x1b[31mred\x07", "Hello?")
    app.processor.force_flush()
    status, out, _ = run("spool", "list")
    assert status == 0
    assert "red" in out
    assert "\x1b" not in out
