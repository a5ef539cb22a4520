"""`roark-otel completion`: what makes a shell complete commands, options and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel.cli.command import Command
from roark_otel.cli.problems import extras
from roark_otel_cli import SUMMARIES

if TYPE_CHECKING:
    import argparse

_SHELLS = ("bash", "zsh", "tcsh")

_WHERE = """\
where it goes:
  bash   roark-otel completion bash > ~/.local/share/bash-completion/completions/roark-otel
  zsh    roark-otel completion zsh > "${fpath[1]}/_roark-otel"
  tcsh   roark-otel completion tcsh > ~/.roark-otel.completion; source that file in ~/.tcshrc
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    import argparse

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _WHERE
    parser.add_argument("shell", choices=_SHELLS, help="the shell")


def _run(options: argparse.Namespace) -> int:
    """Prints the completion of a shell."""
    with extras():
        import shtab
    from roark_otel.cli import new_parser

    print(shtab.complete(new_parser(), options.shell))
    return 0


COMPLETION = Command("completion", SUMMARIES["completion"], _add_arguments, _run)
