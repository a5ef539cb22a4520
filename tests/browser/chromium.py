"""Finds Chromium, starts it without a window, and sees that it has ended."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from support.helpers import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

SECONDS = 60.0
"""The longest that a test waits for an event, on however slow a machine."""

_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    # A name is never looked up: a page that asks for another host fails at once, and is reported.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)


class Chromium:
    """A Chromium without a window, with a profile of its own. It is started by the first test, and again once killed.

    Args:
        playwright: What drives it.
        path: Where it is.
    """

    def __init__(self, playwright: Playwright, path: str) -> None:
        self._playwright = playwright
        self._path = path
        self._browser: Browser | None = None
        self._pid = 0
        self._is_killed = False

    def browser(self) -> Browser:
        """Returns the running browser."""
        if self._browser is None or self._is_killed or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(executable_path=self._path, args=list(_FLAGS))
            self._pid, self._is_killed = _pid_of(self._browser), False
        return self._browser

    def kill(self) -> None:
        """Ends it at once, from any thread: whatever waits for it fails."""
        self._is_killed = True
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def stop(self) -> None:
        """Closes it, and returns once its process has ended."""
        if self._browser is not None and self._browser.is_connected():
            self._browser.close()
        self.kill()
        wait_until(lambda: not _runs(self._pid), SECONDS)


def _pid_of(browser: Browser) -> int:
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return next(int(one["id"]) for one in processes if one["type"] == "browser")


def _runs(pid: int) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
