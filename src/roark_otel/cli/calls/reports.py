"""What `roark-otel calls check` found, for people, programs, GitHub and whatever reads JUnit's format."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from roark_otel._safety.printable import printable
from roark_otel.cli.counted import counted
from roark_otel.cli.problems import USAGE, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from roark_otel.cli.calls.check import Checked


def print_text(checked: Sequence[Checked]) -> None:
    """Prints a line for each broken rule, and how many calls passed. What cannot be checked is on standard error."""
    for one in checked:
        for failure in one.unchecked:
            print(f"roark-otel: {printable(one.name)}: {failure.why}", file=sys.stderr)
        for failure in one.failures:
            print(f"{printable(one.name)}: {failure.kind}: {failure.why}")
    if any(one.failures or not one.unchecked for one in checked):
        print(_summary(checked))


def print_json(checked: Sequence[Checked]) -> None:
    """Prints the same as JSON. `failures` are broken rules, `unchecked` those that cannot be checked."""
    broken = [{"call": one.name, **asdict(failure)} for one in checked for failure in one.failures]
    unchecked = [{"call": one.name, **asdict(failure)} for one in checked for failure in one.unchecked]
    found = {"calls": len(checked), "passed": _passed(checked), "failures": broken, "unchecked": unchecked}
    print(json.dumps(found, indent=2))


def print_github(checked: Sequence[Checked]) -> None:
    """Prints workflow commands, which GitHub shows as annotations."""
    for one in checked:
        for failure in (*one.unchecked, *one.failures):
            message = f"{printable(one.name)}: {failure.kind}: {failure.why}".replace("%", "%25")
            print(f"::error title=roark-otel calls check::{message}")
    print(_summary(checked))


def write_junit(path: Path, checked: Sequence[Checked]) -> None:
    """Writes a test case for each call: a failure for a broken rule, an error for one that cannot be checked.

    Raises:
        Problem: if the file cannot be written.
    """
    suite = ET.Element(
        "testsuite",
        name="roark-otel calls check",
        tests=str(len(checked)),
        failures=str(sum(bool(one.failures) and not one.unchecked for one in checked)),
        errors=str(sum(bool(one.unchecked) for one in checked)),
        skipped="0",
    )
    for one in checked:
        case = ET.SubElement(suite, "testcase", classname="roark_otel", name=_xml(one.name))
        for tag, several in (("error", one.unchecked), ("failure", one.failures)):
            for failure in several:
                ET.SubElement(case, tag, type=failure.kind, message=_xml(failure.why)).text = _xml(failure.why)
    try:
        ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
    except (OSError, ValueError) as fault:
        raise Problem(f"{printable(str(path))} cannot be written ({type(fault).__name__})", USAGE) from None


def _passed(checked: Sequence[Checked]) -> int:
    return sum(not one.failures and not one.unchecked for one in checked)


def _summary(checked: Sequence[Checked]) -> str:
    return f"{_passed(checked)} of {counted(len(checked), 'call')} passed"


def _xml(words: str) -> str:
    """Returns words without the characters that XML cannot hold."""
    return "".join(one if one.isprintable() or one == " " else "\ufffd" for one in printable(words))
