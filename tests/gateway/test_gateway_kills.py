"""What a gateway has acknowledged becomes calls, each once, however the gateway ends."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from roark_otel.sandbox import Sandbox
from support.collector import free_ports
from support.gateways import SECONDS, RunningGateway, Spoken, batches, texts, wait_for_calls
from support.helpers import wait_until
from support.otlp_requests import protobuf

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

pytest.importorskip("uvicorn", reason="the extra `gateway` is not installed")


def send_until_taken(gateway: RunningGateway, spans: Sequence[ReadableSpan]) -> None:
    """Sends as a Collector does: again and again, until the gateway has taken it."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            answer = gateway.post(protobuf(spans))
            if answer.status_code == 200:
                return
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
        time.sleep(0.05)
    pytest.fail("the gateway never took it")


def test_children_that_wait_while_the_gateway_is_down_are_in_the_call(tmp_path: Path, sandbox: Sandbox) -> None:
    spans = Spoken().conversation("call-1", "Hello", "Good day", "Goodbye")
    with RunningGateway(tmp_path, sandbox.url, "--settle", "3", "--retry-interval", "6") as gateway:
        gateway.send(spans[-1:])  # the root; a Collector has the others in its queue
        gateway.kill()
        time.sleep(4)  # longer than the wait after a root
        gateway.start()
        time.sleep(4)  # within the interval after which the Collector sends again
        assert sandbox.calls() == []
        gateway.send(spans[:-1])
        assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello", "Good day", "Goodbye"]


def test_kills_lose_nothing_and_nothing_comes_twice(tmp_path: Path) -> None:
    """Thirty conversations by three senders, and a kill whenever some more calls have arrived."""
    number, words = 30, ("Hello", "Good day", "Goodbye")
    with Sandbox() as sandbox, RunningGateway(tmp_path, sandbox.url) as gateway:
        several = {f"call-{each}": Spoken().conversation(f"call-{each}", *words) for each in range(number)}

        def send(first: int) -> None:
            for each in range(first, number, 3):
                for spans in batches(several[f"call-{each}"], 2):
                    send_until_taken(gateway, spans)

        senders = [threading.Thread(target=send, args=(first,)) for first in range(3)]
        for sender in senders:
            sender.start()
        for arrived in (0, 3, 9, 15, 21):
            wait_until(lambda arrived=arrived: len(sandbox.calls()) >= arrived, SECONDS)  # type: ignore[misc]
            gateway.kill()
            gateway.start()
        for sender in senders:
            sender.join()
        calls = wait_for_calls(sandbox, number)
        assert {name: texts(call) for name, call in calls.items()} == {name: [*words] for name in several}
        gateway.wait_for_metric(0, "open_groups")
        gateway.wait_for_metric(0, "spooled_calls")
        assert not list((tmp_path / "spool").rglob("rejected/*.jsonl"))


def test_a_stop_keeps_what_is_open(tmp_path: Path, sandbox: Sandbox) -> None:
    spans = Spoken().conversation("call-1", "Hello", "Good day")
    with RunningGateway(tmp_path, sandbox.url) as gateway:
        gateway.send(spans[:1])
        assert gateway.stop() == 0
        gateway.start()
        assert gateway.metric("open_groups") == 1
        gateway.send(spans[1:])
        assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello", "Good day"]
        assert gateway.stop() == 0
        assert sqlite3.connect(gateway.store / "spans.sqlite3").execute("SELECT count(*) FROM pieces").fetchone() == (
            0,
        )


def test_what_came_before_a_restart_is_not_taken_twice(tmp_path: Path, sandbox: Sandbox) -> None:
    spoken = Spoken()
    spans = spoken.conversation("call-1", "Hello")
    with RunningGateway(tmp_path, sandbox.url) as gateway:
        gateway.send(spans)
        wait_for_calls(sandbox, 1)
        gateway.wait_for_metric(0, "open_groups")
        gateway.kill()
        gateway.start()
        gateway.send(spans)
        gateway.wait_for_metric(0, "open_groups")
        gateway.send(spoken.below(spans[-1], "Too late"))
        gateway.wait_for_metric(1, "calls_total", outcome="late_spans")
        gateway.send(Spoken().conversation("call-1", "A second root"))
        gateway.wait_for_metric(1, "calls_total", outcome="duplicates")
        assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello"]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process's files")
def test_a_full_disk_is_a_503_and_nothing_is_closed_until_senders_had_their_turn(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    spans = Spoken().conversation("call-1", "Hello", "Good day")
    with RunningGateway(tmp_path, sandbox.url, "--settle", "1", "--retry-interval", "4") as gateway:
        assert gateway.process is not None
        gateway.send(spans[-1:])
        soft, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (0, hard))
        answer = gateway.post(protobuf(spans[:-1]))
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/x-protobuf")
        assert int(answer.headers["retry-after"]) > 0
        assert httpx.get(f"{gateway.url}/readyz").status_code == 503
        assert httpx.get(f"{gateway.url}/healthz").status_code == 200
        # What is of no conversation needs no disk.
        assert gateway.post(protobuf(Spoken().plain(2))).status_code == 200
        time.sleep(3)
        assert sandbox.calls() == []
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
        wait_until(lambda: httpx.get(f"{gateway.url}/readyz").status_code == 200, SECONDS)
        time.sleep(2)
        assert sandbox.calls() == []
        gateway.send(spans[:-1])
        assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello", "Good day"]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process's files")
def test_a_disk_that_fails_while_a_call_is_made_loses_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    with RunningGateway(tmp_path, sandbox.url) as gateway:
        assert gateway.process is not None
        gateway.send(Spoken().conversation("call-1", "Hello", "Good day"))
        soft, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (0, hard))
        wait_until(lambda: httpx.get(f"{gateway.url}/readyz").status_code == 503, SECONDS)
        assert sandbox.calls() == []
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
        assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello", "Good day"]
        gateway.wait_for_metric(0, "open_groups")
        assert not list((tmp_path / "spool").rglob("rejected/*.jsonl"))


def test_a_call_that_only_memory_had_room_for_is_made_again(tmp_path: Path) -> None:
    """The spool cannot be written, Roark is down, and then the gateway is killed."""
    spool = tmp_path / "spool"
    spool.write_text("not a directory")
    (port,) = free_ports(1)
    with RunningGateway(tmp_path, f"http://127.0.0.1:{port}") as gateway:
        gateway.send(Spoken().conversation("call-1", "Hello"))
        gateway.wait_for_metric(1, "calls_total", outcome="finished")
        assert gateway.metric("open_groups") == 1
        gateway.kill()
        spool.unlink()
        with Sandbox(port=port) as sandbox:
            gateway.start()
            assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello"]
            gateway.wait_for_metric(0, "open_groups")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 96 MiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    mount, umount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:  # noqa: S603 - a folder of this test
        pytest.skip("disks cannot be mounted here")
    yield folder
    subprocess.run([umount or "umount", str(folder)], check=True)  # noqa: S603 - a folder of this test


def test_a_disk_that_conversations_have_filled_is_emptied_by_their_ends(small_disk: Path, sandbox: Sandbox) -> None:
    """Conversations that go on are refused before the disk is full; the roots of others are not, and make room."""
    words = "".join(map(str, range(20_000)))
    several = [Spoken().conversation(f"call-{each}", *[f"{each} {words}"] * 8) for each in range(60)]
    with RunningGateway(small_disk, sandbox.url) as gateway:
        taken, until = 0, time.monotonic() + 4 * SECONDS
        state: dict[str, object] = {}
        while state.get("disk") != "nearly full":  # what SQLite writes twice leaves the disk again
            if gateway.post(protobuf(several[taken][:-1])).status_code == 200:
                taken += 1
                time.sleep(0.1)
            else:
                state = httpx.get(f"{gateway.url}/readyz").json()
            assert time.monotonic() < until
        assert state["ready"] is True
        assert taken > 3
        refused = several[taken]
        for spans in several[:taken]:
            assert gateway.post(protobuf(spans[-1:])).status_code == 200
        # Nothing is closed while senders may come again; then room is made, and who was refused is let in.
        send_until_taken(gateway, refused)
        calls = wait_for_calls(sandbox, taken + 1)
        assert {len(call["transcript"]) for call in calls.values()} == {8}
        gateway.wait_for_metric(0, "open_groups")
        assert httpx.get(f"{gateway.url}/readyz").json()["disk"] == "ok"
        log = gateway.log.read_text()
        assert ("nearly full" in log, "has room again" in log) == (True, True)
