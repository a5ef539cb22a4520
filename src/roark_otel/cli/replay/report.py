"""What became of recorded spans, in one line for each file and one for all."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Final

from roark_otel._safety.printable import printable
from roark_otel.cli.counted import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from roark_otel.cli.replay.playing import Played

_COUNTED: Final[tuple[tuple[str, str, str], ...]] = (
    ("already", "already there", ""),
    ("without_recording", "without a recording URL (set ROARK_RECORDING_URL_TEMPLATE{then})", ""),
    ("rejected", "rejected", ""),
    (
        "duplicates",
        "left out, because its id is that of another call",
        "left out, because their ids are those of others",
    ),
    ("empty", "empty", ""),
    ("skipped", "marked roark.skip", ""),
    ("unreadable_lines", "line that cannot be read", "lines that cannot be read"),
    ("unreadable_messages", "message that cannot be read", "messages that cannot be read"),
    (
        "unfinished_traces",
        "trace not finished in the file (--incomplete sends it as it is)",
        "traces not finished in the file (--incomplete sends them as they are)",
    ),
    ("traces_without_id", "trace without an external id", "traces without an external id"),
    (
        "faults",
        "fault in roark-otel, logged on standard error (some of a call may be missing)",
        "faults in roark-otel, logged on standard error (some of a call may be missing)",
    ),
)
"""The counters that the summary mentions unless they are 0, each with its words for one, then others for several."""


def report(path: Path, played: Played, *, is_dry: bool) -> None:
    """Prints what became of a file, in one line, and below it each problem."""
    if played.resumed_at:
        print(f"{path}: goes on at byte {played.resumed_at} (--from-start begins at the start)", file=sys.stderr)
    _print(f"{path}: {_in_words(played.counts, is_dry=is_dry)}", is_dry=is_dry)
    if not has_something(played):
        print(
            "  no further span" if played.resumed_at else "  no span: what is cut off at the end is not read",
            file=sys.stderr,
        )
    for problem in played.problems:
        print(f"  {printable(problem)}", file=sys.stderr)
    if played.unnamed:
        print(f"  and {counted(played.unnamed, 'other')}", file=sys.stderr)


def report_all(played: Sequence[Played], *, is_dry: bool) -> None:
    """Prints what became of several files, in one line."""
    counts = sum((one.counts for one in played), Counter[str]())
    _print(f"{counted(len(played), 'file')}: {_in_words(counts, is_dry=is_dry)}", is_dry=is_dry)


def has_something(played: Played) -> bool:
    """Returns whether there is anything to report."""
    return any(played.counts[name] for name in ("created", *(name for name, _, _ in _COUNTED)))


def _in_words(counts: Counter[str], *, is_dry: bool) -> str:
    done = [f"{counts['created']} {'to be created' if is_dry else 'created'}"]
    done += [counted(counts[name], one, several or one) for name, one, several in _COUNTED if counts[name]]
    return ", ".join(done).replace("{then}", "" if is_dry else ", then --from-start")


def _print(line: str, *, is_dry: bool) -> None:
    print(printable(line), file=sys.stderr if is_dry else sys.stdout)
