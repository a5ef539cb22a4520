"""Where the calls of a replay go: to Roark, or before the eyes of a person who wants to look first."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, TypeAlias

from roark_otel._delivery.client import Client
from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._safety.printable import printable, printable_json
from roark_otel.cli.counted import counted
from roark_otel.cli.problems import Problem
from roark_otel.cli.replay.pages import Pages
from roark_otel.cli.replay.sending import Created, SendResult, send

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel._replay.gathering import Gathered
    from roark_otel._settings.settings import Settings
    from roark_otel._sources.made import CallWithoutRecording, ReadyCall


class Sending:
    """Sends calls to Roark.

    Args:
        settings: Where, and with which key.

    Raises:
        Problem: if there is no key, or no connection can be made.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.api_key is None:
            raise Problem("there is no key: set ROARK_API_KEY, or look with --dry-run first")
        if not settings.address:
            raise Problem("no usable address: correct ROARK_BASE_URL and ROARK_PROJECT_ID")
        try:
            self._client = Client(
                settings.address, settings.api_key, settings.project_id, settings.http_timeout_seconds
            )
        except Misconfigured as fault:
            raise Problem(f"no connection to Roark: {fault}") from None

    def see(self, trace: Gathered) -> None:
        """Takes in a trace before calls are made of it."""

    def take(self, call: ReadyCall) -> SendResult:
        """Sends a call until its outcome is known."""
        return send(self._client, call)

    def take_unsendable(self, call: CallWithoutRecording) -> None:
        """Takes a call that lacks a recording."""

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()


class Showing:
    """Prints each call as one line of JSON, and writes its page if there is a folder for it.

    Args:
        folder: Where pages are written; None for nowhere.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._pages = None if folder is None else Pages(folder)

    def see(self, trace: Gathered) -> None:
        """Takes in a trace before calls are made of it."""
        if self._pages is not None:
            self._pages.see(trace)

    def take(self, call: ReadyCall) -> SendResult:
        """Shows a call."""
        body: dict[str, object] = json.loads(call.body)
        self._show(body, body)
        return Created()

    def take_unsendable(self, call: CallWithoutRecording) -> None:
        """Shows a call that lacks a recording, which is null."""
        body: dict[str, object] = json.loads(call.body)
        self._show(body, {**body, "recordingUrl": None})

    def close(self) -> None:
        """Says how many pages were written."""
        if self._pages is not None:
            print(f"{counted(self._pages.written, 'page')} in {printable(str(self._folder))}", file=sys.stderr)

    def _show(self, body: dict[str, object], printed: dict[str, object]) -> None:
        if self._pages is not None:
            self._pages.write(body)
        print(printable_json(json.dumps(printed, ensure_ascii=False)))


Outlet: TypeAlias = "Sending | Showing"
