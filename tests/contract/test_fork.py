"""Forks: a child has conversations, threads and connections of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from support.helpers import by_id, words

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

APP = """
    import os, sys
    from opentelemetry.sdk.trace import TracerProvider
    from roark_otel import RoarkSpanProcessor

    processor = RoarkSpanProcessor(
        api_key="test-key", base_url=sys.argv[1], recording_url="https://example.com/recording.wav",
        linger_seconds=3600, quiet_seconds=3600, exit_timeout_seconds=60,
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("app")

    def begin(external_id):
        span = tracer.start_span("call", attributes={"roark.external_id": external_id})
        say(span, f"{external_id} begins.")
        return span

    def say(span, text):
        span.add_event("roark.transcript", {"role": "customer", "text": text})

    def in_child(work):
        pid = os.fork()
        if pid:
            status = os.waitpid(pid, 0)[1]
            assert status == 0, status
            return
        try:
            work()
        except BaseException as fault:
            print(repr(fault), file=sys.stderr)
            os._exit(1)
        os._exit(0)
"""


def run(sandbox: Sandbox, script: str) -> str:
    """Runs a script in a process of its own, because a fork of this one would copy its threads."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", textwrap.dedent(APP) + textwrap.dedent(script), sandbox.url],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_child_has_its_own_conversations(sandbox: Sandbox) -> None:
    """A child makes calls of its own, and leaves its parent's to the parent."""
    run(
        sandbox,
        """
        parent = begin("parent")

        def work():
            assert processor.stats().open_conversations == 0
            begin("child").end()
            assert processor.force_flush()
            assert processor.stats().delivered == 1

        in_child(work)
        say(parent, "parent goes on.")
        parent.end()
        assert processor.force_flush()
        assert processor.stats().delivered == 1
        """,
    )
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "child": ["child begins."],
        "parent": ["parent begins.", "parent goes on."],
    }


def test_shutdown_in_the_child(sandbox: Sandbox) -> None:
    """A child that shuts down delivers nothing of its parent's, finished or open."""
    run(
        sandbox,
        """
        begin("finished").end()
        parent = begin("parent")
        in_child(provider.shutdown)
        parent.end()
        assert processor.force_flush()
        """,
    )
    assert set(by_id(sandbox.calls())) == {"finished", "parent"}


def test_children_of_a_busy_parent(sandbox: Sandbox) -> None:
    """A fork at any moment, while the parent's threads work, leaves every child able to deliver."""
    run(
        sandbox,
        """
        for number in range(8):
            begin(f"parent-{number}").end()

            def work():
                begin(f"child-{number}").end()
                assert processor.force_flush()

            in_child(work)
        assert processor.force_flush()
        """,
    )
    expected = {f"{whose}-{number}" for whose in ("parent", "child") for number in range(8)}
    assert set(by_id(sandbox.calls())) == expected


def test_fork_before_the_first_span(sandbox: Sandbox) -> None:
    """A processor that was made before a server forks its workers serves each of them."""
    run(
        sandbox,
        """
        def work():
            begin(f"call-{os.getpid()}").end()
            provider.shutdown()

        in_child(work)
        in_child(work)
        """,
    )
    assert [len(words(call)) for call in by_id(sandbox.calls()).values()] == [1, 1]


def test_multiprocessing_child_that_just_ends(sandbox: Sandbox) -> None:
    """Multiprocessing's children skip atexit; what they finished is delivered all the same."""
    run(
        sandbox,
        """
        import multiprocessing

        begin("parent").end()
        child = multiprocessing.get_context("fork").Process(target=lambda: begin("child").end())
        child.start()
        child.join()
        assert child.exitcode == 0
        """,
    )
    assert set(by_id(sandbox.calls())) == {"parent", "child"}


def test_process_that_just_ends(sandbox: Sandbox) -> None:
    """At exit finished and open conversations are delivered, without a shutdown of the app's."""
    run(
        sandbox,
        """
        begin("finished").end()
        open = begin("open")
        """,
    )
    calls = by_id(sandbox.calls())
    assert {name: call["properties"].get("roark_incomplete", False) for name, call in calls.items()} == {
        "finished": False,
        "open": True,
    }
