"""Writes the calls of a failed test: of each a page, which opens from disk, and the document that it was drawn from.

It is imported when a test fails, or asks for its calls: see `roark_otel_pytest`.
"""

from __future__ import annotations

import json
import re
import threading
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

from roark_otel.pages import document
from roark_otel.pages.file import call_file
from roark_otel.pages.values import finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from roark_otel.sandbox import Sandbox
    from roark_otel.testing import CapturedCalls

_LONGEST: Final = 150
_SECONDS: Final = 10.0


def written(captured: Iterable[CapturedCalls], sandbox: Sandbox | None, folder: Path, test: str) -> str:
    """Writes the calls of a test, and returns what its report says of them.

    Args:
        captured: What was captured in the test.
        sandbox: Its local Roark, if it has one.
        folder: Where they are written; it is made if it is not there.
        test: The id of the test.
    """
    lines: list[str] = []
    stem = _stem(test)
    try:
        for number, found in enumerate(_documents(captured, sandbox), start=1):
            folder.mkdir(parents=True, exist_ok=True)
            page = folder / f"{stem}-{number}.html"
            page.write_bytes(call_file(found).encode())
            page.with_suffix(".json").write_text(json.dumps(finite(found), default=repr, indent=1), encoding="utf-8")
            lines.append(str(page))
    except Exception as fault:  # noqa: BLE001 - a disk is full, or what the test has replaced fails: the run goes on
        lines.append(f"{folder} cannot be written: {fault or type(fault).__name__}")
    return "\n".join(lines)


def on_a_thread(work: Callable[[], object]) -> None:
    """Does work where no event loop runs, and waits for it. A plugin may keep one running on this thread."""
    thread = threading.Thread(target=work, name="roark-otel-pytest")
    thread.start()
    thread.join()


def _documents(captured: Iterable[CapturedCalls], sandbox: Sandbox | None) -> Iterator[dict[str, Any]]:
    for calls in captured:
        on_a_thread(calls.finish)  # the test may have failed before it asked for any
        for call in calls:
            yield call.document()
    if sandbox is not None:
        for body in sandbox.calls():
            yield _of_sandbox(sandbox, body)


def _of_sandbox(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """Returns what a local Roark knows of a call, its spans and its receipt too."""
    url = f"{sandbox.url}/pages/calls/{quote(str(body.get('externalId')), safe='')}"
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=_SECONDS) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found
    except (OSError, ValueError):
        return document(body)


def _stem(test: str) -> str:
    """Returns the name of a test's files. Where it lacks something of the test's id, it has a hash of that too."""
    plain = test.replace("::", ".").replace("/", ".")
    stem = re.sub(r"[^\w.-]+", "_", plain, flags=re.ASCII).strip("_.")[-_LONGEST:]
    return stem if stem == plain else f"{stem}-{sha256(test.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
