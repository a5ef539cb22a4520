"""The command line itself: version, usage, missing extras, exit statuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import __version__, cli
from roark_otel.cli.command import Command
from roark_otel.cli.problems import Problem, extras

if TYPE_CHECKING:
    from collections.abc import Callable

# Runs the command line in an interpreter in which a package cannot be found.
WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1] or name.startswith(sys.argv[1] + "."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from roark_otel.cli import main
sys.exit(main(sys.argv[2:]))
"""

LOADED = "import sys, json; import roark_otel.cli; print(json.dumps(sorted(sys.modules)))"


def test_version_prints_the_version(run: Callable[..., tuple[int, str, str]]) -> None:
    assert run("--version") == (0, f"roark-otel {__version__}\n", "")


def test_without_a_command_it_prints_its_usage(command: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = command()

    assert (status, out) == (2, "")
    assert "usage: roark-otel" in err


def test_help_lists_every_command(command: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = command("--help")

    assert status == 0
    assert all(f"    {name}" in out and one.summary.split(":")[0] in out for name, one in cli.COMMANDS.items())


def test_importing_the_command_line_loads_no_extra(run: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = run(code=LOADED)

    assert not {"rich", "starlette", "uvicorn", "jsonschema", "httpx", "google.protobuf"} & set(json.loads(out))


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("rich", "demo"),
        ("starlette", "demo"),
        ("opentelemetry.proto", "demo"),
        ("starlette", "sandbox"),
        ("uvicorn", "sandbox"),
    ],
)
def test_a_missing_extra_is_reported_in_one_line_with_how_to_install_it(
    run: Callable[..., tuple[int, str, str]], missing: str, command: str
) -> None:
    status, out, err = run(missing, command, code=WITHOUT)

    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"roark-otel: this command needs {missing}")
    assert err.endswith('pip install "roark-otel[cli,sandbox]"\n')


@pytest.mark.parametrize(
    "fault", [ModuleNotFoundError("gone", name="roark_otel.gone"), ImportError("cannot import name 'x'")]
)
def test_our_own_import_error_is_not_reported_as_a_missing_extra(fault: ImportError) -> None:
    with pytest.raises(ImportError) as raised, extras():
        raise fault

    assert raised.value is fault


def test_a_problem_is_printed_as_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replace(monkeypatch, Problem("the cat sat on it", 1))

    assert cli.main(["demo"]) == 1
    assert capsys.readouterr() == ("", "roark-otel: the cat sat on it\n")


def test_ctrl_c_exits_with_130_and_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(monkeypatch, KeyboardInterrupt())

    assert cli.main(["demo"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_closed_pipe_exits_without_a_traceback(start: Callable[..., Any]) -> None:
    process = start("demo")
    process.stdout.close()

    assert process.wait(timeout=60) == 1
    assert process.stderr.read() == ""


def replace(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    def run(_options: object) -> int:
        raise fault

    monkeypatch.setattr(cli, "COMMANDS", {"demo": Command("demo", "", lambda _parser: None, run)})
