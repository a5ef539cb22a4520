"""What other systems lack is taken away, and the same things happen: a call is saved, claimed, delivered, recovered.

Run on Linux only. The docs say so (docs/delivery.md).
"""

from __future__ import annotations

import re
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from support.answering import AnsweringServer
from support.paths import ROOT
from support.processes import SECONDS

if TYPE_CHECKING:
    from pathlib import Path

TAKEN = {
    "nothing": "",
    "locks": "sys.modules['fcntl'] = None",
    "files by directory": "os.supports_dir_fd.clear()",
    "flags of open": "for one in ('O_NOFOLLOW', 'O_DIRECTORY', 'O_NONBLOCK', 'O_CLOEXEC'): delattr(os, one)",
    "owners of files": "del os.geteuid, os.getuid, os.fchown, os.chown",
    "hooks of forks": "del os.register_at_fork, os.fork",
    "process file system": """
        was = io.open
        def opens(file, *more, **others):
            if str(file).startswith(("/proc", "/sys", "/dev/shm")):
                raise FileNotFoundError(2, "No such file or directory", str(file))
            return was(file, *more, **others)
        io.open = builtins.open = opens
    """,
    "sync of directories": """
        synced = os.fsync
        def fsync(file):
            if stat.S_ISDIR(os.fstat(file).st_mode):
                raise OSError(22, "Invalid argument")
            synced(file)
        os.fsync = fsync
    """,
}
"""What is taken away, and the code that does it before anything is imported."""

APP = """
import builtins, io, os, stat, sys, time
exec(sys.argv[2])
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor, attach_recording

def talks(processor, external_id, **more):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    about = {"roark.external_id": external_id, "roark.conversation.root": True, **more}
    with provider.get_tracer("app").start_as_current_span("call", attributes=about) as span:
        span.add_event("roark.transcript", {"role": "agent", "text": "Hello."})

def until(what):
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)

def made(url, **more):
    waits = {"linger_seconds": 0, "quiet_seconds": 0, "exit_timeout_seconds": 1}
    return RoarkSpanProcessor(api_key="k", base_url=url, **waits, **more)

away = made("http://127.0.0.1:9", project_id="p", recording_url="https://example.com/a.wav")
talks(away, "saved")
assert not away.force_flush(500)
until(lambda: away.stats().spooled == 1)
there = made(sys.argv[1])
talks(there, "waits")
there.force_flush(500)
until(lambda: there.stats().awaiting_recording == 1)
attach_recording("waits", "https://example.com/b.wav")
talks(there, "sent", **{"roark.recording_url": "https://example.com/c.wav"})
assert there.force_flush(60_000)
until(lambda: there.stats().delivered == 2)  # the courier may have looked at one as the recording was attached
print(there.stats().delivered)
"""


@pytest.mark.parametrize("taken", [*TAKEN, "all of it"])
def test_what_a_system_lacks_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: str) -> None:
    """Two calls are delivered, one of them after its recording was attached; a third is kept while Roark is away."""
    monkeypatch.setenv("ROARK_SPOOL_DIR", str(tmp_path / "spool"))
    code = "\n".join(map(dedent, TAKEN.values())) if taken == "all of it" else dedent(TAKEN[taken])
    with AnsweringServer() as server:
        app = tmp_path / "alone.py"
        app.write_text(APP, encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, str(app), server.url, code], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "2"
    assert sorted(seen.external_id for seen in server.seen) == ["sent", "waits"]
    assert len(list((tmp_path / "spool").rglob("*.jsonl"))) == 1


LINUX_ONLY = (
    *("pidfd_open", "O_TMPFILE", "O_PATH", "O_DIRECT", "F_OFD_\\w+", "posix_fallocate", "posix_fadvise", "eventfd"),
    *("memfd_create", "copy_file_range", "splice", "select.epoll", "inotify", "prctl", "sched_getaffinity", "sendfile"),
    *("renameat2", "getrandom", "timerfd", "setns", "unshare", "fdatasync", "pipe2", "dev/shm"),
)


def test_nothing_else_of_linux_is_called() -> None:
    """Of what only Linux has, the package reads the boot's id, which it can do without (see the test above)."""
    found = [
        f"{path.name}: {word}"
        for path in (ROOT / "src").rglob("*.py")
        for word in re.findall(rf"\b(?:{'|'.join(LINUX_ONLY)})\b", path.read_text("utf-8"))
    ]
    proc = [path.name for path in (ROOT / "src").rglob("*.py") if '"/proc' in path.read_text("utf-8")]
    assert found == []
    assert proc == ["witness.py"]


def test_only_what_was_run_is_claimed() -> None:
    """Windows is none of it: a file that is open cannot be renamed there, and claims are renames of open files."""
    claimed = re.findall(r'"Operating System :: (.*)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert claimed == ["MacOS", "POSIX :: Linux"]
