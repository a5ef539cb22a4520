"""The page of the command line, made from what `--help` knows."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from roark_otel import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# Command line

`pip install roark-otel` brings the command `roark-otel`. `doctor`, `spool` and `replay` need nothing else; `gateway`
needs the extra of its name, and the rest the extra `local`. Without installing anything:
`uvx --from "roark-otel[local]" roark-otel COMMAND`.

Exit status: 0 if everything was done, 1 if something was not, 2 for wrong usage or a missing extra, 130 after Ctrl-C
or, of long work, SIGTERM.

This page is made from `roark-otel COMMAND --help`.
"""


def page() -> str:
    """Returns the whole page."""
    return "\n".join([HEAD, *_sections(cli.new_parser(), 2)])


def _sections(parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in dict.fromkeys(action.choices.values()):
                yield from _section(below, level)
                yield from _sections(below, level + 1)


def _section(parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    actions = [one for one in parser._actions if not isinstance(one, argparse._HelpAction)]
    has_actions = any(isinstance(one, argparse._SubParsersAction) for one in actions)
    yield f"{'#' * level} {parser.prog}\n"
    yield f"{_sentence(parser.description or '')}\n"
    if has_actions:
        return
    yield f"```\n{' '.join([parser.prog, *map(_usage, sorted(actions, key=_is_positional))])}\n```\n"
    if actions:
        yield "| argument | |\n|---|---|"
        yield from (f"| `{_name(one)}` | {_help(parser, one)} |" for one in actions)
        yield ""


def _is_positional(action: argparse.Action) -> bool:
    return not action.option_strings


def _metavar(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str):
        return action.metavar
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()


def _name(action: argparse.Action) -> str:
    options = ", ".join(action.option_strings)
    return " ".join(filter(None, (options, _metavar(action))))


def _usage(action: argparse.Action) -> str:
    """Returns how an argument is written."""
    if _is_positional(action):
        name = _metavar(action)
        return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)
    written = " ".join(filter(None, (action.option_strings[-1], _metavar(action))))
    return written if action.required else f"[{written}]"


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return _sentence((action.help or "") % {**vars(action), "prog": parser.prog}).replace("|", "\\|")


def _sentence(text: str) -> str:
    return " ".join(text.split())
