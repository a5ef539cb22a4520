"""However a process ends, on every Python, the calls that it finished are at Roark or on disk."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from roark_otel.sandbox import Sandbox
from support import processes
from support.helpers import by_id, wait_until, words

if TYPE_CHECKING:
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
    script = APP.replace("processor_that()", "processor_that(exit_timeout_seconds=3)") + "\n".join(
        (*(f"finish('call-{number}')" for number in range(3)), "left_open = begin('open')", "sys.exit(0)")
    )
    err = processes.run(tmp_path, script, url).stderr
    reported = [line for line in err.splitlines() if "the process ends and leaves" in line]
    assert len(reported) == 1
    assert "4 that Roark has not taken yet" in reported[0]
    assert str(tmp_path / "spool") in reported[0]
    assert "dies with the pod loses them" in reported[0]
    with Sandbox(port=port) as back:
        processes.run(tmp_path, APP + "import time\nwhile processor.stats().spooled:\n    time.sleep(0.02)", back.url)
        assert set(by_id(back.calls())) == {"call-0", "call-1", "call-2", "open"}
