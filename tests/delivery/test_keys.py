"""Whose calls go out with whose key, with real files and real sockets."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import cli
from roark_otel._delivery import rounds
from roark_otel._spool import records
from roark_otel._spool.records import Acceptance, Record
from support.answering import Answer, AnsweringServer, NoAnswer, Seen, created
from support.helpers import App, wait_until
from support.paths import TESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

MARKED = {"roark.conversation.root": True}


class Roark:
    """A Roark that accepts some keys, and remembers with which key each call came."""

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)
        self.calls: dict[str, str] = {}

    def __call__(self, seen: Seen) -> Answer | NoAnswer:
        key = seen.headers["authorization"].removeprefix("Bearer ")
        if key not in self.keys:
            return Answer(401)
        if seen.method == "GET":
            return Answer(200, json.dumps({"data": []}).encode())
        self.calls[seen.external_id] = key
        return created(seen.external_id)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(rounds, "IDLE_LOOK_SECONDS", 0.05)


def app_of(url: str, key: str, service: str | None = "desk") -> App:
    return App(url, api_key=key, resource={} if service is None else {"service.name": service})


def talk(app: App, *external_ids: str) -> bool:
    for external_id in external_ids:
        app.conversation(external_id, "Hello.", **MARKED)
    return app.processor.force_flush(60_000)


def directory_of(app: App) -> Path:
    engine = app.processor._engine
    assert engine is not None
    assert engine.parts.spool.directory is not None
    return engine.parts.spool.directory


def warnings(said: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in said.records if one.levelno == logging.WARNING]


def left_in(directories: Iterable[Path]) -> list[int]:
    return [len(list(one.glob("*.jsonl"))) for one in directories]


@pytest.mark.parametrize("service", ["desk", None])
def test_a_corrected_key_delivers_what_the_wrong_one_left(service: str | None, said: pytest.LogCaptureFixture) -> None:
    """It takes the calls over once Roark has accepted it, with one warning."""
    roark = Roark("right")
    with AnsweringServer(then=roark) as server:
        wrong = app_of(server.url, "wrong", service)
        assert not talk(wrong, "call-1", "call-2")
        right = app_of(server.url, "right", service)
        assert talk(right, "call-3")

        wait_until(lambda: len(roark.calls) == 3, 60)
        wait_until(lambda: left_in([directory_of(wrong)]) == [0], 60)
    assert set(roark.calls.values()) == {"right"}
    (warning,) = warnings(said)
    assert warning.startswith(f"calls in {directory_of(wrong)} (2) are sent with this key")
    assert "401" in warning
    assert "wrong" not in warning.replace(str(directory_of(wrong)), "")


def test_nothing_crosses_when_one_of_two_keys_is_revoked() -> None:
    """Two services with a key each share a spool. Roark accepted both keys once, so each keeps its calls."""
    roark = Roark("one", "two")
    with AnsweringServer(then=roark) as server:
        ones, twos = app_of(server.url, "one", "desk"), app_of(server.url, "two", "shop")
        assert talk(ones, "one-1")
        assert talk(twos, "two-1")
        roark.keys.remove("one")
        assert not talk(ones, "one-2")
        assert talk(twos, *(f"two-{number}" for number in range(2, 6)))
        same = app_of(server.url, "two", "desk")
        assert talk(same, "two-6")
        wait_until(lambda: records.read(directory_of(twos)).answer == "201", 60)

        looks_again(twos)
        assert left_in([directory_of(ones)]) == [1]
    assert "one-2" not in roark.calls
    assert {key for name, key in roark.calls.items() if name.startswith("two")} == {"two"}


CUT_OFF = """
import os, signal, sys, time
from pathlib import Path
from support.helpers import App
app = App(sys.argv[1], api_key="wrong", resource={"service.name": "desk"}, spool_dir=Path(sys.argv[2]))
app.conversation("call-1", "Hello.", **{"roark.conversation.root": True})
app.processor.force_flush()
roots = [app.tracer.start_span("call", attributes={"roark.external_id": name}) for name in sys.argv[3:]]
for root in roots:
    root.add_event("roark.transcript", {"role": "agent", "text": "Cut off."})
while len(list(Path(sys.argv[2]).rglob("*.open.jsonl"))) < len(roots):
    time.sleep(0.01)
if "lives" in sys.argv:
    print("lives", flush=True)
    time.sleep(300)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(name="wrong_app")
def _wrong_app(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts an app with a wrong key, in which these conversations go on."""
    apps: list[subprocess.Popen[str]] = []

    def start(url: str, *external_ids: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CUT_OFF, url, str(tmp_path / "spool"), *external_ids]
        apps.append(
            subprocess.Popen(  # noqa: S603 - our own code
                command, env={"PYTHONPATH": str(TESTS), "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE, text=True
            )
        )
        return apps[-1]

    yield start
    for app in apps:
        app.kill()
        app.communicate(timeout=300)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("way", ["by itself", "adopt"])
def test_conversations_that_a_crash_cut_off_go_with_the_wrong_keys_calls(
    wrong_app: Callable[..., subprocess.Popen[str]], tmp_path: Path, way: str
) -> None:
    """What its process left open rests, and then goes out with the corrected key, too."""
    roark = Roark("right")
    spool_dir = tmp_path / "spool"
    with AnsweringServer(then=roark) as server:
        wrong_app(server.url, "call-2", "call-3").wait(60)
        left = [path.parent for path in spool_dir.rglob("*.open.jsonl")]
        assert len(left) == 2
        if way == "adopt":
            settings = {"ROARK_API_KEY": "right", "ROARK_BASE_URL": server.url, "ROARK_SPOOL_DIR": str(spool_dir)}
            with pytest.MonkeyPatch.context() as environment:
                for name, value in settings.items():
                    environment.setenv(name, value)
                assert cli.main(["spool", "adopt", str(left[0])]) == 0
        right = App(server.url, api_key="right", resource={"service.name": "desk"}, quiet_seconds=0)
        assert talk(right, "call-4")
        wait_until(lambda: len(roark.calls) == 4, 60)
        wait_until(lambda: not list(spool_dir.rglob("*.jsonl")), 60)
    assert roark.calls == {f"call-{number}": "right" for number in range(1, 5)}
    assert not list(left[0].glob("*.owner"))


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
def test_what_goes_on_stays_with_the_process_of_the_wrong_key(
    wrong_app: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Its process lives, and goes on saving it there; of what has ended, the open version is left out."""
    roark = Roark("right")
    with AnsweringServer(then=roark) as server:
        app = wrong_app(server.url, "lives")
        assert app.stdout is not None
        assert app.stdout.readline() == "lives\n"
        right = App(server.url, api_key="right", resource={"service.name": "desk"}, quiet_seconds=0)
        assert talk(right, "call-4")
        wait_until(lambda: len(roark.calls) == 2, 60)
        looks_again(right)
        (path,) = (tmp_path / "spool").rglob("*.open.jsonl")
        assert path.parent != directory_of(right)
    assert roark.calls.keys() == {"call-1", "call-4"}


def stop(app: App) -> None:
    """Ends an app's deliveries, as if its process were gone."""
    engine = app.processor._engine
    assert engine is not None
    engine.parts.courier.discard()


def looks_again(app: App) -> None:
    """Has the courier look into the directory twice: what is taken over by the first is seen by the second."""
    engine = app.processor._engine
    assert engine is not None
    for _ in range(2):
        engine.parts.courier.drain(time.monotonic() + 60)


@pytest.mark.parametrize(
    ("left", "then"),
    [
        (Record("URL", Acceptance.UNKNOWN, answer="401"), "an older version may have delivered with this key"),
        (Record("URL", Acceptance.NEVER), "no answer yet: the key may be right"),
        (Record("URL", Acceptance.NEVER, answer="503"), "Roark was down"),
        (Record("URL", Acceptance.NEVER, answer="402"), "the key is right"),
        (Record("https://example.com", Acceptance.NEVER, answer="401"), "another address"),
    ],
)
def test_a_key_that_may_be_right_keeps_its_calls(left: Record, then: str) -> None:
    """Its calls wait for it, or for a person."""
    assert then
    roark = Roark("right")
    with AnsweringServer(then=Answer(503)) as server:
        other = app_of(server.url, "other")
        other.conversation("call-1", "Hello.", **MARKED)
        other.processor.force_flush(1)
        wait_until(lambda: bool(server.seen), 60)
        address = server.url if left.address == "URL" else left.address
        stop(other)
        server.then = roark
        records.write(directory_of(other), Record(address, left.acceptance, (), left.answer, 1.0))
        right = app_of(server.url, "right")
        assert talk(right, "call-2")
        looks_again(right)

        assert left_in([directory_of(other)]) == [1]
    assert roark.calls.keys() == {"call-2"}


def test_another_service_keeps_its_calls() -> None:
    """Also in one directory: two services may have been given the same wrong key."""
    roark = Roark("right")
    with AnsweringServer(then=roark) as server:
        wrong = App(server.url, api_key="wrong", resource={"service.name": "desk"})
        assert not talk(wrong, "call-1")
        other = App(server.url, api_key="wrong", resource={"service.name": "shop"})
        assert not talk(other, "call-2")
        right = app_of(server.url, "right", "desk")
        assert talk(right, "call-3")

        wait_until(lambda: "call-1" in roark.calls, 60)
        looks_again(right)
        assert left_in([directory_of(wrong)]) == [1]
    assert roark.calls.keys() == {"call-1", "call-3"}


def test_two_keys_that_qualify_leave_it_to_a_person(said: pytest.LogCaptureFixture) -> None:
    """Two keys deliver calls of the service: which of them the calls are for is not known, and `adopt` decides."""
    roark = Roark("one", "two")
    with AnsweringServer(then=roark) as server:
        one, two = app_of(server.url, "one"), app_of(server.url, "two")
        assert talk(one, "call-1")
        assert talk(two, "call-2")
        wrong = app_of(server.url, "wrong")
        assert not talk(wrong, "call-3")
        for app in (one, two):
            looks_again(app)

        assert left_in([directory_of(wrong)]) == [1]
    assert warnings(said) == []


def test_the_record_holds_no_key_and_survives_its_directory() -> None:
    with AnsweringServer(then=Roark("right-key")) as server:
        app = app_of(server.url, "right-key")
        assert talk(app, "call-1")
        directory = directory_of(app)
        wait_until(lambda: records.read(directory).acceptance is Acceptance.ONCE, 60)
        file = directory.parent / "keys" / directory.name
        found = json.loads(file.read_text(encoding="utf-8"))
    assert "right-key" not in file.read_text(encoding="utf-8")
    assert (found["address"], found["services"], found["answer"]) == (server.url, ["desk"], "201")
    directory.rmdir()
    records.begin(directory)
    assert records.read(directory).acceptance is Acceptance.ONCE


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b'{"acceptance": 1}', b'{"services": 1}', b"[" * 100_000, b"\xff"),
        *(b'{"acceptance": "never", "answer": ["401"]}', b'{"acceptance": "never", "answer": "401\\u001b[2J"}'),
        b'{"acceptance": "never", "answer": "401", "address": {"of": "others"}}',
    ],
)
def test_a_record_that_cannot_be_read_is_unknown(content: bytes, tmp_path: Path) -> None:
    directory = tmp_path / ("a" * 16)
    records.write(directory, Record("https://example.com", Acceptance.NEVER, answer="401"))
    assert records.read(directory).is_orphaned
    (tmp_path / "keys" / directory.name).write_bytes(content)

    assert records.read(directory).acceptance is Acceptance.UNKNOWN
    assert not records.read(directory).is_orphaned


def test_drain_with_the_corrected_key_delivers_what_waits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks Roark whether the key is right, which changes nothing there. `list` and `doctor` say why calls wait."""
    roark = Roark("right")
    with AnsweringServer(then=roark) as server:
        wrong = app_of(server.url, "wrong")
        assert not talk(wrong, "call-1")
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        monkeypatch.setenv("ROARK_API_KEY", "wrong")
        assert cli.main(["spool", "list"]) == 0
        listed = capsys.readouterr().out
        assert f"for {server.url}, last answer 401, key never accepted" in listed
        assert "correct ROARK_API_KEY" in listed
        assert cli.main(["spool", "list", "--json"]) == 0
        (one,) = json.loads(capsys.readouterr().out)
        assert (one["address"], one["last_status"], one["key"]) == (server.url, "401", "never")
        assert cli.main(["spool", "drain", "--timeout", "5"]) == 1
        assert "Roark refuses their key (401)" in capsys.readouterr().out
        monkeypatch.setenv("ROARK_API_KEY", "right")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "desk")
        cli.main(["doctor"])
        assert "they go to the first key that Roark accepts" in capsys.readouterr().out

        assert cli.main(["spool", "drain"]) == 0
        assert capsys.readouterr().out.startswith("1 call delivered,")
    assert roark.calls == {"call-1": "right"}


def test_the_last_line_says_what_happens_to_the_calls(said: pytest.LogCaptureFixture) -> None:
    from roark_otel._engine.leftovers import report_what_is_left

    def last_line(app: App) -> Any:
        assert app.processor._engine is not None
        report_what_is_left(app.processor._engine, is_last=True)
        return said.records[-1].getMessage()

    roark = Roark("once")
    with AnsweringServer(then=roark) as server:
        wrong = app_of(server.url, "wrong")
        assert not talk(wrong, "call-1")
        assert "correct ROARK_API_KEY" in last_line(wrong)
        once = app_of(server.url, "once")
        assert talk(once, "call-2")
        roark.keys.clear()
        assert not talk(once, "call-3")
        assert f"`roark-otel spool adopt {directory_of(once)}`" in last_line(once)
        server.then = Answer(503)
        down = app_of(server.url, "down")
        down.conversation("call-4", "Hello.", **MARKED)
        down.processor.force_flush(500)
        assert "The next process with this spool" in last_line(down)
