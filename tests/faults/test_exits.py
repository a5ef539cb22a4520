"""However a process ends, on every Python, the calls that it finished are at Roark or on disk."""

from __future__ import annotations

import re
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from roark_otel.sandbox import Sandbox
from support import processes
from support.answering import Answer, AnsweringServer, Seen
from support.helpers import by_id, wait_until, words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXITS = {
    "end of the script": "finish('call-1')",
    "sys.exit": "finish('call-1'); sys.exit(0)",
    "exception": "finish('call-1'); raise ZeroDivisionError",
    "end of asyncio.run": """
async def main():
    finish('call-1')
asyncio.run(main())
""",
    "thread": "threading.Thread(target=finish, args=['call-1']).start()",
    "fork and sys.exit": """
if os.fork():
    os.wait()
else:
    finish('call-1')
    sys.exit(0)
""",
    "first span at exit": "atexit.register(finish, 'call-1')",
}

APP = (
    processes.PROVIDER
    + """
def finish(external_id):
    begin(external_id).end()
"""
)

JOB = """
def finish(external_id):
    begin(external_id).end()

def job():
    async def entrypoint():
        finish("call-1")
    asyncio.run(entrypoint())

if __name__ == "__main__":
    child = multiprocessing.get_context(sys.argv[2]).Process(target=job)
    child.start()
    child.join()
    sys.exit(child.exitcode)
"""


@pytest.mark.parametrize("how", EXITS)
def test_exit_at_once_after_the_root_has_ended(sandbox: Sandbox, tmp_path: Path, interpreter: str, how: str) -> None:
    """The linger is an hour, yet the call is delivered, once."""
    status = 1 if how == "exception" else 0
    processes.run(tmp_path, APP + EXITS[how], sandbox.url, interpreter=interpreter, status=status)
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {"call-1": ["call-1 begins."]}


def test_sigterm_with_a_handler(sandbox: Sandbox, tmp_path: Path, interpreter: str) -> None:
    """The app's own handler that ends the script is enough; the package installs none."""
    script = """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    finish("call-1")
    print("ready")
    signal.pause()
    """
    process = processes.start(tmp_path, APP + script.replace("\n    ", "\n"), [sandbox.url], interpreter)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=processes.SECONDS)
        assert process.returncode == 0, err
    finally:
        process.kill()
    assert set(by_id(sandbox.calls())) == {"call-1"}


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_job_process_that_skips_atexit(sandbox: Sandbox, tmp_path: Path, interpreter: str, method: str) -> None:
    """LiveKit's workers run each job like this: the process ends right after the root and skips atexit."""
    processes.run(tmp_path, processes.PROVIDER + JOB, sandbox.url, method, interpreter=interpreter)
    assert {name: words(call) for name, call in by_id(sandbox.calls()).items()} == {"call-1": ["call-1 begins."]}


def test_open_conversation_at_exit(sandbox: Sandbox, tmp_path: Path, interpreter: str) -> None:
    """It is delivered as incomplete, with what was said, whether a dead frame or the module held its root."""
    script = """
def work():
    held_by_the_frame = begin("frame")
    sys.exit(0)

held_by_the_module = begin("module")
work()
"""
    processes.run(tmp_path, APP + script, sandbox.url, interpreter=interpreter)
    calls = by_id(sandbox.calls())
    assert {name: words(call) for name, call in calls.items()} == {
        "frame": ["frame begins."],
        "module": ["module begins."],
    }
    assert [call["properties"].get("roark_incomplete") for call in calls.values()] == [True, True]


def test_exporter_that_hangs_at_exit(sandbox: Sandbox, tmp_path: Path) -> None:
    """An exporter that was added first, and whose backend does not answer, does not use up the time for the call."""
    script = """
class Stuck(SpanExporter):
    def export(self, spans):
        sys.stdin.read()
        return SpanExportResult.SUCCESS

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Stuck()))
provider.add_span_processor(processor_that())
tracer = provider.get_tracer("app")
begin("call-1").end()
"""
    process = processes.start(tmp_path, script, [sandbox.url])
    try:
        wait_until(lambda: bool(sandbox.calls()), processes.SECONDS)
        assert process.poll() is None  # the exporter still holds it
    finally:
        process.kill()
        process.communicate()


def test_roark_is_down_at_exit(tmp_path: Path) -> None:
    """One line reports how many calls are left and where; the next process delivers them."""
    with Sandbox() as gone:
        url, port = gone.url, int(gone.url.rsplit(":", 1)[1])
    script = APP.replace("processor_that()", "processor_that(exit_timeout_seconds=10)") + "\n".join(
        (*(f"finish('call-{number}')" for number in range(3)), "left_open = begin('open')", "sys.exit(0)")
    )
    err = processes.run(tmp_path, script, url).stderr
    reported = [line for line in err.splitlines() if "the process ends and leaves" in line]
    assert len(reported) == 1
    assert "4 that Roark has not taken yet, 0 without a recording URL" in reported[0]
    assert str(tmp_path / "spool") in reported[0]
    assert "dies with the pod loses them" in reported[0]
    with Sandbox(port=port) as back:
        processes.run(tmp_path, APP + "import time\nwhile processor.stats().spooled:\n    time.sleep(0.02)", back.url)
        assert set(by_id(back.calls())) == {"call-0", "call-1", "call-2", "open"}


class Hanging(AnsweringServer):
    """A Roark that answers each request after an hour, or when the test is over. `asked`: how many requests came."""

    def __init__(self) -> None:
        super().__init__(then=self._hang)
        self.asked = 0
        self._over = threading.Event()

    def _hang(self, _seen: Seen) -> Answer:
        self.asked += 1
        self._over.wait(3_600)
        return Answer(503)

    def let_go(self) -> None:
        self._over.set()


@pytest.fixture(name="hanging")
def _hanging() -> Iterator[Hanging]:
    with Hanging() as server:
        yield server
        server.let_go()


BOUNDED = APP.replace("processor_that()", "processor_that(exit_timeout_seconds=6, http_timeout_seconds=3600)")
"""An app that has six seconds at its exit, and waits an hour for an answer of Roark. An exit without a limit hangs."""

HANGING = {
    "end of the script": "finish('call-1')",
    "first span at exit": "atexit.register(finish, 'call-1')",
    "open conversation": "held = begin('call-1')",
    "thread at exit": "threading.Thread(target=lambda: (time.sleep(0.2), finish('call-1'))).start()",
    "many": "[finish(f'call-{number}') for number in range(30)]",
    "many at exit": "atexit.register(lambda: [finish(f'call-{number}') for number in range(30)])",
}


def left(err: str) -> tuple[int, int, int]:
    """How many calls the last lines say are to be sent, lack a recording, and are lost with the process."""
    on_disk = re.findall(r"leaves calls in .*?: (\d+) that Roark has not taken yet, (\d+) without a recording", err)
    lost = re.findall(r"the process ends and calls are lost \((\d+)\)", err)
    assert 1 <= len(on_disk) + len(lost) <= 2
    ((to_send, unrecorded),) = on_disk or [("0", "0")]
    (in_memory,) = lost or ["0"]
    return int(to_send), int(unrecorded), int(in_memory)


def files_in(folder: Path) -> int:
    return len(list((folder / "spool").rglob("*.jsonl")))


@pytest.mark.parametrize("how", HANGING)
def test_roark_hangs_at_exit(hanging: Hanging, tmp_path: Path, interpreter: str, how: str) -> None:
    """The process ends within its limit all the same; everything is in the spool, and the line counts it."""
    err = processes.run(tmp_path, BOUNDED + HANGING[how], hanging.url, interpreter=interpreter).stderr
    number = 30 if "many" in how else 1
    assert files_in(tmp_path) == number
    assert left(err) == (number, 0, 0)
    assert hanging.asked <= 1


SLOW = """
import os
before, calls = os.fsync, []
def slow(file):
    calls.append(file)
    time.sleep(3600 if len(calls) > int(sys.argv[2]) else 0)
    before(file)
os.fsync = slow
for number in range(10):
    finish(f"call-{number}")
"""


@pytest.mark.parametrize("good", [0, 1, 5])
def test_the_disk_hangs_at_exit(hanging: Hanging, tmp_path: Path, interpreter: str, good: int) -> None:
    """What it takes no more is counted as lost, and what it has taken as waiting."""
    err = processes.run(tmp_path, BOUNDED + SLOW, hanging.url, str(good), interpreter=interpreter).stderr
    to_send, unrecorded, in_memory = left(err)
    assert (to_send, unrecorded) == (files_in(tmp_path), 0)
    assert to_send + in_memory == 10
    assert in_memory >= 5
    assert "calls are lost" in err


REDACT = """
def redact(item):
    asked.append(item)
    time.sleep(3600 if len(asked) > 3 else 0)
    return item

asked = []
"""


def test_redact_hangs_at_exit(sandbox: Sandbox, tmp_path: Path, interpreter: str) -> None:
    """Every call is delivered; those that it did not answer about are without their words."""
    settings = "redact=redact, exit_timeout_seconds=20"
    app = REDACT + APP.replace("processor_that(", f"processor_that({settings}")
    script = app + "for number in range(4):\n    finish(f'call-{number}')\n"
    err = processes.run(tmp_path, script, sandbox.url, interpreter=interpreter).stderr
    calls = by_id(sandbox.calls())
    assert set(calls) == {f"call-{number}" for number in range(4)}
    assert sum(words(call) == [f"{name} begins."] for name, call in calls.items()) == 1
    assert err.count("redact hook did not answer in time") == 1


def test_an_export_of_traces_hangs_at_exit(hanging: Hanging, tmp_path: Path) -> None:
    """It has what is left of the same limit."""
    script = """
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

def export(self, spans):
    print("exporting", file=sys.stderr)
    time.sleep(3600)

OTLPSpanExporter.export = export
"""
    app = script + BOUNDED.replace("processor_that(", "processor_that(export_traces=True, ") + "finish('call-1')"
    err = processes.run(tmp_path, app, hanging.url).stderr
    assert left(err) == (1, 0, 0)
    assert "exporting" in err


def test_spool_in_memory_at_exit(hanging: Hanging, tmp_path: Path, interpreter: str) -> None:
    """What is lost is counted."""
    app = BOUNDED.replace("processor_that(", "processor_that(spool='memory', ")
    script = app + "finish('call-1')\nfinish('call-2')"
    err = processes.run(tmp_path, script, hanging.url, interpreter=interpreter).stderr
    assert left(err) == (0, 0, 2)
    assert "calls are lost" in err


def test_several_processes_leave_a_spool(hanging: Hanging, tmp_path: Path, interpreter: str) -> None:
    """Only the last one logs what is left at ERROR: before that, the others go on delivering."""
    script = (
        BOUNDED
        + """
import logging
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
finish(sys.argv[2])
processor.force_flush(200)
print("ready")
sys.stdin.readline()
"""
    )
    running = [processes.start(tmp_path, script, [hanging.url, f"call-{number}"], interpreter) for number in range(3)]
    try:
        for process in running:
            assert process.stdout is not None
            if (line := process.stdout.readline()) != "ready\n":
                err = process.communicate(timeout=processes.SECONDS)[1]
                pytest.fail(f"{line!r}, status {process.returncode}: {err}")
        errors = [process.communicate("\n", processes.SECONDS)[1] for process in running]
    finally:
        for process in running:
            process.kill()
            process.communicate(timeout=processes.SECONDS)
    lines = [next(line for line in err.splitlines() if "leaves calls" in line) for err in errors]
    assert [line.split()[0] for line in lines] == ["INFO", "INFO", "ERROR"]
    assert [left(line) for line in lines] == [(3, 0, 0)] * 3
