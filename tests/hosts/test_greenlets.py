"""Under gevent and eventlet the app goes on, and every call arrives, whichever is imported first."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from hosts.hosting import SECONDS, environment, found, running
from support.answering import Answer, AnsweringServer, NoAnswer, created

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox
    from support.answering import Seen

WORLDS = ["gevent", "eventlet"]
WHEN = ["before", "after"]

world = pytest.mark.parametrize("world", WORLDS)
when = pytest.mark.parametrize("when", WHEN)


def run(folder: Path, url: str, *arguments: str, **more: str) -> dict[str, Any]:
    """Runs the app to its end, and returns what it reports."""
    env = environment(url, folder, PYTHONWARNINGS="ignore", **more)
    with running([sys.executable, "greenlets.py", *arguments], folder, env) as host:
        assert host.wait() == 0, host.output
    reports = [line for line in host.output.splitlines() if line.startswith("REPORT ")]
    assert len(reports) == 1, host.output
    report: dict[str, Any] = json.loads(reports[0].removeprefix("REPORT "))
    return report


@world
@when
def test_calls_are_delivered_and_the_hub_imports_nothing(
    sandbox: Sandbox, tmp_path: Path, world: str, when: str
) -> None:
    """What takes long before the first delivery, such as importing httpx, runs beside the hub."""
    report = run(tmp_path, sandbox.url, world, when, "deliver", ROARK_LINGER_SECONDS="0.1")
    assert "httpx" in report["imported by"]
    assert "httpx" not in report["on the hub"]
    assert "roark_otel._linking.call_body" not in report["on the hub"]
    assert found(sandbox, environment(sandbox.url, tmp_path)) == ["call-1", "call-2"]


@world
@when
def test_a_flush_lets_others_run(tmp_path: Path, world: str, when: str) -> None:
    """Roark takes the call and does not answer for as long as the flush waits."""
    is_over = threading.Event()

    def never(_: Seen) -> NoAnswer:
        is_over.wait(SECONDS)
        return NoAnswer()

    with AnsweringServer(then=never) as roark:
        report = run(tmp_path, roark.url, world, when, "flush", ROARK_EXIT_TIMEOUT_SECONDS="1")
        is_over.set()
    assert report["flushed"] is False
    assert report["ticks meanwhile"] > 20


@world
@when
def test_many_greenlets_begin_at_once(sandbox: Sandbox, tmp_path: Path, world: str, when: str) -> None:
    assert run(tmp_path, sandbox.url, world, when, "threads")["flushed"] is True
    assert len(sandbox.calls()) == 20


@world
def test_threads_that_began_before_the_patch(sandbox: Sandbox, tmp_path: Path, world: str) -> None:
    report = run(tmp_path, sandbox.url, world, "after", "early")
    assert report["flushed"] is True
    assert report["ticks meanwhile"] > 1
    assert found(sandbox, environment(sandbox.url, tmp_path)) == ["call-1", "call-2"]


@world
@when
def test_greenlets_of_a_parent_end_in_its_child(tmp_path: Path, world: str, when: str) -> None:
    """A fork copies greenlets, also one that waits for an answer: the parent gets it.

    The child may take over the other call, as any process that shares the spool, and end in the middle of sending it.
    """
    asked, has_child_sent = tmp_path / "asked", threading.Event()

    def once(seen: Seen) -> Answer:
        if [one.external_id for one in roark.seen].count(seen.external_id) > 1:
            return Answer(409)
        if seen.external_id == "call-1":
            asked.touch()
            assert has_child_sent.wait(SECONDS)
        elif seen.external_id == "call-3":
            has_child_sent.set()
        return created(seen.external_id)

    with AnsweringServer(then=once) as roark:
        more = {"ROARK_LINGER_SECONDS": "0.1", "ASKED": str(asked), "ANSWERED": str(tmp_path / "answered")}
        report = run(tmp_path, roark.url, world, when, "fork", **more)
        sent = [seen.external_id for seen in roark.seen]
    assert (report["child"], report["duplicates"]) == (0, 0)
    assert {*sent} == {"call-1", "call-2", "call-3"}
    assert (sent.count("call-1"), sent.count("call-3")) == (1, 1)
