"""A process on a terminal of its own, as a person sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SECONDS = 60.0


class OnTerminal:
    """A process whose standard error, and unless it is piped its standard output, is a terminal.

    Args:
        command: What is run.
        env: Its environment.
        pipe_out: Whether standard output is a pipe, as before `| jq`.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], *, pipe_out: bool = False) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter, our own code
            [
                "/bin/sh",
                "-c",
                f'exec "$0" "$@" < {os.ttyname(theirs)}',
                *command,
            ],  # to open it makes it the session's own
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipe_out else theirs,
            stderr=theirs,
            env={**env, "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""
        self._out = b""
        self._reading = threading.Thread(target=self._read_pipe)
        self._reading.start()

    def wait_for(self, is_seen: Callable[[str], object]) -> None:
        """Reads the terminal until something is seen on it."""
        until = time.monotonic() + SECONDS
        while not is_seen(self.shown):
            assert self._read(until), f"not seen; shown so far: {self.shown!r}"

    def press_ctrl_c(self) -> None:
        """Types Ctrl-C, which the terminal makes a SIGINT of."""
        os.write(self._ours, b"\x03")

    def terminate(self) -> None:
        """Sends SIGTERM, as a supervisor does."""
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> tuple[int, str, str]:
        """Waits until the process ends. Returns its status, what it wrote to a pipe, and all that the terminal got."""
        until = time.monotonic() + SECONDS
        while self._read(until):
            pass
        self._reading.join(SECONDS)
        return self.process.wait(SECONDS), self._out.decode(), self.shown

    def close(self) -> None:
        """Ends the process, if it has not ended."""
        self.process.kill()
        self._reading.join(SECONDS)
        with self.process:
            os.close(self._ours)

    def _read_pipe(self) -> None:
        if self.process.stdout is not None:
            self._out = self.process.stdout.read()

    def _read(self, until: float) -> bool:
        """Reads what there is. Returns whether there may be more."""
        assert select.select([self._ours], [], [], max(0.0, until - time.monotonic()))[0], self.shown
        try:
            found = os.read(self._ours, 65536)
        except OSError:  # so a terminal ends on Linux
            found = b""
        self.shown += found.decode(errors="replace")
        return bool(found)
