"""The call that a command line names: of a file, or of Roark."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from roark_otel._safety.printable import printable
from roark_otel.cli.problems import USAGE, Problem
from roark_otel.pages import document
from roark_otel.pages.values import entries, part, text

if TYPE_CHECKING:
    from collections.abc import Mapping

_GIVEN_BACK: Final = (
    *("externalId", "startedAt", "interfaceType", "callDirection", "endedStatus", "recordingUrl", "properties"),
    *("agents", "customers"),
)

NOT_GIVEN_BACK: Final = frozenset({"tools", "interruptions"})
"""What the API of Roark does not return of a call."""

WORDS: Final = "words"
"""What is not known of a call whose transcript Roark does not have, or not yet."""

UNKNOWN: Final = NOT_GIVEN_BACK | {WORDS}
"""What may be unknown of a call. A document that was written of Roark's answers has it as `unknown`."""

_PAGE: Final = re.compile(r'<script type="application/json" id="document">(.*?)</script>', re.DOTALL)
"""Where a page has the document that it was drawn from."""

_MOST: Final = 192 * 1024 * 1024
"""The most characters that are read of a file: the page of a call with the largest sound has fewer."""


@dataclass(frozen=True, slots=True)
class Given:
    """A call.

    Attributes:
        name: How the command line names it.
        document: What is known of it: see `roark_otel.pages.document`.
        unknown: What is not known of it.
    """

    name: str
    document: Mapping[str, Any]
    unknown: frozenset[str] = frozenset()

    def why_unknown(self, what: str) -> str:
        """Returns why something is not known of it."""
        return "Roark has no transcript of it yet" if what == WORDS else "Roark does not give them back"

    @property
    def body(self) -> Mapping[str, Any]:
        """The call as posted, as far as it is known."""
        body: Mapping[str, Any] = self.document["body"]
        return body


def given(name: str) -> Given:
    """Returns the call of a file or, if there is no such file, the call of that id at Roark.

    Raises:
        Problem: if there is neither, or the file holds no call.
    """
    path = Path(name)
    try:
        is_file = path.is_file() or path.is_fifo()  # a pipe too, as /dev/stdin or a shell's <(…)
        is_folder = path.is_dir()
    except (OSError, ValueError):  # an id may be no path at all
        is_file = is_folder = False
    if is_file:
        return of_file(name, path)
    try:
        return _of_roark(name)
    except Problem as problem:  # without a key, or a network, it is the name of a file that is wrong
        what = f"{printable(name)} is a directory" if is_folder else f"there is no file {printable(name)}"
        raise Problem(f"{what}, and {problem}", problem.status) from None


def of_file(name: str, path: Path) -> Given:
    """Returns the call of a file: a document, a body, a file of the spool, or the page of a call.

    Raises:
        Problem: if it holds none.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:  # some editors begin a file with a mark
            written = file.read(_MOST + 1)
    except (OSError, UnicodeDecodeError) as fault:
        raise Problem(f"{printable(name)} cannot be read ({type(fault).__name__})", USAGE) from None
    if len(written) > _MOST:
        raise Problem(f"{printable(name)} is larger than {_MOST:,} characters, so it is not a call", USAGE)
    return _only(name, _calls_in(page[1] if (page := _PAGE.search(written)) else written))


def _only(name: str, found: list[dict[str, Any]]) -> Given:
    """Returns the only call of a file.

    Raises:
        Problem: if there is none, or more than one; or what Roark lists of one, which has neither words nor tools.
    """
    if not found:
        what = "neither a document, a body nor a page of one, nor a file of the spool"
        raise Problem(f"{printable(name)} holds no call: {what}", USAGE)
    if len(found) > 1:
        raise Problem(f"{printable(name)} holds {len(found)} calls: write each of them to a file of its own", USAGE)
    call = found[0]
    if isinstance(call.get("body"), dict):
        stated = call.get("unknown")
        unknown = frozenset(one for one in UNKNOWN if isinstance(stated, list) and one in stated)
        return Given(name, {**document(call["body"]), **call}, unknown)
    if "createdAt" in call and "transcript" not in call:
        cure = "name the call by its id, or write it with `roark-otel calls show ID --json`"
        raise Problem(f"{printable(name)} holds what Roark lists of a call, without words and tools: {cure}", USAGE)
    return Given(name, document(call))


def _calls_in(written: str) -> list[dict[str, Any]]:
    """Returns the calls of a file, as documents or bodies: of one object, of a list, or of lines.

    A file of the spool is two lines: a header, and the body.
    """
    found: list[object] = []
    try:
        whole: object = json.loads(written)
        found = cast("list[object]", whole) if isinstance(whole, list) else [whole]
    except (ValueError, RecursionError):
        for line in written.split("\n"):  # words may have line separators of other kinds
            try:
                found += [json.loads(line)] if line.strip() else []
            except (ValueError, RecursionError):
                return []
    objects = [cast("dict[str, Any]", one) for one in found if isinstance(one, dict)]
    return [one for one in objects if _is_call(one)]


def _is_call(found: Mapping[str, Any]) -> bool:
    return isinstance(found.get("body"), dict) or "externalId" in found or "transcript" in found


def _of_roark(name: str) -> Given:
    from roark_otel.cli.calls.roark import connected

    with connected() as roark:
        details, transcript = roark.call(name)
        if posted := part(part(details, "sandbox"), "body"):  # a local one has the call as posted
            whole = roark.document(text(details, "id"))
            return Given(name, whole if part(whole, "body") else document(posted, details=details))
    body = {key: found for key in _GIVEN_BACK if (found := details.get(key)) is not None}
    body["transcript"] = entries(transcript, "entries")
    unknown = NOT_GIVEN_BACK if isinstance(transcript.get("entries"), list) else UNKNOWN
    return Given(name, document(body, details=details), unknown)
