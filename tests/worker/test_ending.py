"""How a worker's end is bounded, shown with processes that hang in C, where no signal handler of Python runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from worker.line import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., subprocess.Popen[bytes]]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a mutex of zeros is a valid one on Linux")

FOREVER = 3600.0

SCRIPT = """
import ctypes, logging, signal, sys, threading, time
from roark_otel._worker.ending import BoundedEnd

seconds, count, what = float(sys.argv[1]), eval(sys.argv[2]), sys.argv[3]
logging.basicConfig(level=logging.INFO)
ends = threading.Event()
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, lambda *_: ends.set())
with BoundedEnd(seconds, lambda: count()):
    print("ready", flush=True)
    if what == "hangs":
        mutex = ctypes.create_string_buffer(256)
        libc = ctypes.CDLL(None)
        libc.pthread_mutex_lock(mutex)
        libc.pthread_mutex_lock(mutex)
    else:
        ends.wait()
if what == "ends":
    time.sleep(2 * seconds)  # what it does after that is not bounded
"""


@pytest.fixture(name="start")
def _start() -> Iterator[Start]:
    """Returns a function that starts a process, and waits until it hangs or waits for a signal."""
    started: list[subprocess.Popen[bytes]] = []

    def start(
        seconds: float, count: str = "lambda: 7", what: str = "hangs", stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", SCRIPT, str(seconds), count, what]
        one = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)  # noqa: S603 - ours
        started.append(one)
        assert one.stdout is not None
        assert one.stdout.readline() == b"ready\n"
        return one

    yield start
    for one in started:
        one.kill()
        one.communicate()


def said(process: subprocess.Popen[bytes]) -> str:
    """Returns what it said by its end."""
    return process.communicate(timeout=DEADLINE)[1].decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_takes_too_long_ends_with_one_line(start: Start, number: int) -> None:
    process = start(0.7)
    process.send_signal(number)
    (line,) = said(process).splitlines()
    assert "0.7 s after a signal" in line
    assert "7 records that it read are not committed" in line
    assert "Nothing is lost" in line
    assert process.returncode == 1


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(start: Start, first: signal.Signals, second: signal.Signals) -> None:
    process = start(FOREVER)
    process.send_signal(first)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.5)
    process.send_signal(second)
    assert f"a second signal came, {second.name}" in said(process)
    assert process.returncode == 1


def test_signals_that_come_together_are_one(start: Start) -> None:
    process = start(1.0)
    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    assert "1 s after a signal" in said(process)


def test_other_signals_end_nothing(start: Start) -> None:
    process = start(0.1)
    for _ in range(3):
        process.send_signal(signal.SIGUSR1)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGUSR1)
    assert "0.1 s after a signal" in said(process)
    assert process.returncode == 1


def test_a_worker_that_ends_in_time_ends_as_it_does(start: Start) -> None:
    process = start(0.5, what="ends")
    process.send_signal(signal.SIGTERM)
    assert said(process) == ""
    assert process.returncode == 0


def test_it_ends_where_nothing_can_be_said(start: Start) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, b"x" * 4096):
            pass
    os.set_blocking(writing, True)
    try:
        process = start(0.1, stderr=writing)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 1
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("count", ["lambda: 1 / 0", "lambda: time.sleep(3600)", "lambda: sys.exit(0)"])
def test_it_ends_where_nothing_can_be_counted(start: Start, count: str) -> None:
    process = start(0.1, count)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 1
