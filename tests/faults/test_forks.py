"""At forks in the worst moments no child hangs, and parent and child deliver their own calls once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from support import processes
from support.helpers import by_id, words

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

IN_CHILD = """
import faulthandler

def in_child(work, fork=os.fork):
    pid = fork()
    if pid:
        return pid
    try:
        work()
    except BaseException as fault:
        print(repr(fault), file=sys.stderr)
        faulthandler.dump_traceback()  # where its threads are that did not do it
        os._exit(1)
    os._exit(0)

def ended(pids):
    deadline = time.monotonic() + 60
    failed = 0
    for pid in pids:
        while not (done := os.waitpid(pid, os.WNOHANG))[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        if not done[0]:
            print(f"{pid} hangs", file=sys.stderr)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        failed += done[0] == 0 or done[1] != 0
    return failed
"""

BUSY = (
    IN_CHILD
    + """
processor = processor_that(linger_seconds=0, quiet_seconds=0)
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(processor)
tracer = provider.get_tracer("app")
over = threading.Event()
made = [0] * 4

def busy(number):
    while not over.is_set():
        root = begin(f"parent-{number}-{made[number]}")
        below = set_span_in_context(root)
        for _ in range(300):
            tracer.start_span("turn", below, attributes={"gen_ai.request.model": "m"}).end()
        root.end()
        made[number] += 1

threads = [threading.Thread(target=busy, args=[number]) for number in range(4)]
for thread in threads:
    thread.start()

def work(number):
    begin(f"child-{number}").end()
    assert processor.force_flush(), processor.stats()
    assert processor.stats().delivered == 1, processor.stats()

failed = 0
for first in range(0, int(sys.argv[2]), 4):
    failed += ended([in_child(lambda number=number: work(number)) for number in range(first, first + 4)])
over.set()
for thread in threads:
    thread.join()
assert processor.force_flush(60_000)
print(sum(made))
sys.exit(min(failed, 1))
"""
)


@pytest.mark.parametrize("forks", [8, pytest.param(80, marks=pytest.mark.long)], ids=["scaled down", "full"])
def test_fork_under_four_busy_threads(sandbox: Sandbox, tmp_path: Path, interpreter: str, forks: int) -> None:
    """Whatever lock a thread holds, no child hangs; parent and children deliver their own calls once."""
    done = processes.run(tmp_path, BUSY, sandbox.url, str(forks), interpreter=interpreter)
    calls = by_id(sandbox.calls())
    children = {name for name in calls if name.startswith("child-")}
    assert children == {f"child-{number}" for number in range(forks)}
    assert len(calls) - len(children) == int(done.stdout)
    assert all(len(words(call)) == 1 for call in calls.values())
    print(f"{forks} forks, {len(children)} children's calls, {int(done.stdout)} of the parent's, none hung")  # noqa: T201


def test_fork_without_hooks(sandbox: Sandbox, tmp_path: Path, interpreter: str) -> None:
    """Python's hooks do not run when uWSGI forks in C: the child notices by its process id."""
    script = (
        processes.PROVIDER
        + IN_CHILD
        + """
import ctypes

def work():
    assert processor.stats().open_conversations == 0
    threads = [threading.Thread(target=lambda n=n: begin(f"child-{n}").end()) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parent.end()
    assert processor.force_flush()
    assert processor.stats().delivered == 4, processor.stats()

parts = processor._engine.parts  # uWSGI's master has no threads, or else Python's hooks run
parts.assembler.start = parts.courier.start = lambda: False
parent = begin("parent")
assert ended([in_child(work, ctypes.PyDLL(None).fork)]) == 0
parent.end()
assert processor.force_flush()
"""
    )
    processes.run(tmp_path, script, sandbox.url, interpreter=interpreter)
    assert set(by_id(sandbox.calls())) == {"parent", *(f"child-{number}" for number in range(4))}


def test_fork_while_another_thread_imports(sandbox: Sandbox, tmp_path: Path, interpreter: str) -> None:
    """The courier imports httpx late. A child forked meanwhile would wait forever for the import's lock."""
    script = (
        processes.PROVIDER
        + IN_CHILD
        + """
begun = threading.Event()

class Slow:
    def find_spec(self, name, path, target=None):
        if name in {"httpx._api", "httpx2._api"}:
            begun.set()
            time.sleep(0.5)

sys.meta_path.insert(0, Slow())

def work():
    begin("child").end()
    assert processor.force_flush()

begin("parent").end()
threading.Thread(target=processor.force_flush).start()
begun.wait()
assert ended([in_child(work)]) == 0
assert processor.force_flush()
"""
    )
    processes.run(tmp_path, script, sandbox.url, interpreter=interpreter)
    assert set(by_id(sandbox.calls())) == {"parent", "child"}


def test_fork_that_waits_no_longer_for_an_import(sandbox: Sandbox, tmp_path: Path, interpreter: str) -> None:
    """Busy threads may make an import last longer than a fork waits: the child imports what is half made anew."""
    script = (
        processes.PROVIDER
        + IN_CHILD
        + """
import builtins

from roark_otel._safety import late_imports

late_imports.LONGEST_WAIT_SECONDS = 0.05
begun, over = threading.Event(), threading.Event()

def slow(name, *rest, imported=builtins.__import__, **named):
    if name == "roark_otel.dialects.openinference.realtime_turns" and not begun.is_set():
        begun.set()
        over.wait()  # in the middle of a reader
    return imported(name, *rest, **named)

builtins.__import__ = slow

def work():
    begin("child").end()
    assert processor.force_flush(), processor.stats()

begin("parent").end()
threading.Thread(target=processor.force_flush).start()
begun.wait()
assert ended([in_child(work)]) == 0
over.set()
assert processor.force_flush()
"""
    )
    processes.run(tmp_path, script, sandbox.url, interpreter=interpreter)
    assert set(by_id(sandbox.calls())) == {"parent", "child"}


def test_span_of_the_parent_that_both_sides_end(sandbox: Sandbox, tmp_path: Path, interpreter: str) -> None:
    """The parent's conversation stays the parent's, whole, although the child ends its spans first."""
    script = (
        processes.PROVIDER
        + IN_CHILD
        + """
import roark_otel

with roark_otel.call_attributes(external_id="parent"):
    with tracer.start_as_current_span("call") as root:
        say(root, "Before the fork.")
        pid = os.fork()
        if pid:
            assert ended([pid]) == 0
            say(root, "In the parent.")
        else:
            with tracer.start_as_current_span("turn") as turn:
                say(turn, "In the child.")
if not pid:
    begin("child").end()
assert processor.force_flush()
os._exit(0)
"""
    )
    processes.run(tmp_path, script, sandbox.url, interpreter=interpreter)
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {
        "parent": ["Before the fork.", "In the parent."],
        "child": ["child begins."],
    }
