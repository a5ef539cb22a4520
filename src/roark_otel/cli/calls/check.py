"""`roark-otel calls check`: rules for calls, for CI without pytest.

Each call is checked, whatever is wrong with another one. A rule that cannot be checked does not pass: the exit status
is 2.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roark_otel._safety.printable import printable
from roark_otel.cli.calls.given import WORDS, Given, given
from roark_otel.cli.calls.reports import print_github, print_json, print_text, write_junit
from roark_otel.cli.counted import counted
from roark_otel.cli.problems import FAILED, INTERRUPTED, USAGE, Problem
from roark_otel.cli.progress import progress
from roark_otel.pages.outline import answers, tool_line
from roark_otel.pages.values import entries, failed, text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Failure:
    """A broken rule, or why one cannot be checked.

    Attributes:
        kind: What is wrong, in a word that does not change: `slow_response`, `tool_error`, `few_turns`, `not_measured`;
            `unreadable`, `not_given_back` and `stopped` where a rule cannot be checked.
        why: The same for a person.
    """

    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A call that was checked.

    Attributes:
        name: The call, as the command line names it.
        failures: The rules that it breaks.
        unchecked: Why rules could not be checked.
    """

    name: str
    failures: list[Failure] = field(default_factory=list[Failure])
    unchecked: list[Failure] = field(default_factory=list[Failure])


def run_check(options: argparse.Namespace) -> int:
    """Checks calls. Exit status 2 if a rule could not be checked, else 1 if one is broken.

    Raises:
        Problem: if no rule is given, or the report cannot be written.
    """
    if options.max_response is None and options.min_turns is None and not options.no_tool_errors:
        raise Problem("name a rule: --max-response, --no-tool-errors or --min-turns", USAGE)
    names = list(dict.fromkeys(options.calls))
    checked = _until_stopped(names, options)
    rest = [Checked(name, unchecked=[Failure("stopped", "not checked")]) for name in names[len(checked) :]]
    if options.junit is not None:
        write_junit(options.junit, [*checked, *rest])
    if options.json or options.format == "json":
        print_json([*checked, *rest])
    else:
        {"github": print_github, "text": print_text}[options.format](checked)
    if rest:
        raise Problem(f"stopped after {len(checked)} of {counted(len(names), 'call')}", INTERRUPTED)
    if any(one.unchecked for one in checked):
        return USAGE
    return FAILED if any(one.failures for one in checked) else 0


def _until_stopped(names: list[str], options: argparse.Namespace) -> list[Checked]:
    """Checks calls one after the other; those until Ctrl-C, if it comes."""
    checked: list[Checked] = []
    with progress("calls", len(names), "calls") as show, suppress(KeyboardInterrupt):
        for name in names:
            show(len(checked))
            checked.append(_checked(name, options))
    return checked


def _checked(name: str, options: argparse.Namespace) -> Checked:
    try:
        call = given(name)
    except Problem as problem:
        return Checked(name, unchecked=[Failure("unreadable", str(problem))])
    found = Checked(name, list(_failures(call, options)))
    if WORDS in call.unknown and (options.max_response is not None or options.min_turns is not None):
        why = "Roark has no transcript of the call yet, so --max-response and --min-turns cannot be checked: try later"
        found.unchecked.append(Failure("not_given_back", why))
    if options.no_tool_errors and "tools" in call.unknown:
        why = "Roark does not give tools back, so --no-tool-errors cannot be checked; check the call's file"
        found.unchecked.append(Failure("not_given_back", why))
    return found


def _failures(call: Given, options: argparse.Namespace) -> Iterator[Failure]:
    if options.max_response is not None and WORDS not in call.unknown:
        yield from _slow(call, options.max_response)
    if options.no_tool_errors:
        for use in entries(call.body, "toolInvocations"):
            if failed(use):
                yield Failure("tool_error", tool_line(use).strip())
    turns = len(entries(call.body, "transcript"))
    if options.min_turns is not None and turns < options.min_turns and WORDS not in call.unknown:
        yield Failure("few_turns", f"{counted(turns, 'entry', 'entries')}, the least is {options.min_turns}")


def _slow(call: Given, most: int) -> Iterator[Failure]:
    waits = answers(call.body)
    if not waits:
        yield Failure("not_measured", "no wait for an answer was measured")
    for asked, said, wait in waits:
        if wait > most:
            between = f'between "{printable(text(asked, "text"))}" and "{printable(text(said, "text"))}"'
            yield Failure("slow_response", f"{wait} ms {between}, the limit is {most} ms")
