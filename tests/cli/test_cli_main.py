"""The command line itself: version, usage, missing extras, exit statuses."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import __version__, cli
from roark_otel.cli.command import Command
from roark_otel.cli.problems import Problem, extras
from roark_otel_cli import SUMMARIES

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

LIGHT = """
import json, sys
import roark_otel_cli
try:
    status = roark_otel_cli.main(ARGUMENTS)
except SystemExit as leaving:
    status = leaving.code
print(json.dumps(sorted(sys.modules)))
sys.exit(status)
"""

LOADED = "import sys, json; import roark_otel.cli; print(json.dumps(sorted(sys.modules)))"


def test_version_prints_the_version(run: Callable[..., tuple[int, str, str]]) -> None:
    assert run("--version") == (0, f"roark-otel {__version__}\n", "")


@pytest.mark.parametrize("how", ["in this process", "-m roark_otel", "-m roark_otel.cli"])
def test_without_a_command_it_prints_its_help(
    command: Callable[..., tuple[int, str, str]], start: Callable[..., Any], how: str
) -> None:
    if how == "in this process":
        status, out, err = command()
    else:
        done = start(code=f"import runpy, sys; sys.argv = ['']; runpy.run_module('{how[3:]}', run_name='__main__')")
        (out, err), status = done.communicate(timeout=300), done.returncode

    assert (status, err) == (0, "")
    assert out.startswith("usage: roark-otel")
    assert all(f"    {name}" in out for name in cli.COMMANDS)


def test_help_lists_every_command(command: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = command("--help")

    assert status == 0
    assert all(f"    {name}" in out and one.summary.split(":")[0] in out for name, one in cli.COMMANDS.items())


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["-h"], []])
def test_the_version_and_the_help_import_next_to_nothing(
    run: Callable[..., tuple[int, str, str]], arguments: list[str]
) -> None:
    status, out, _ = run(code=LIGHT.replace("ARGUMENTS", repr(arguments)))

    *_, loaded = out.splitlines()
    assert status == 0
    assert [name for name in json.loads(loaded) if "opentelemetry" in name or name.startswith("roark_otel.")] == []
    assert not {"asyncio", "httpx", "importlib.metadata", "json.tool", "logging", "pydantic"} & set(json.loads(loaded))


def test_the_commands_of_the_light_help_are_the_commands() -> None:
    assert list(SUMMARIES) == sorted(cli.COMMANDS)
    assert [one.summary for one in cli.COMMANDS.values()] == list(SUMMARIES.values())


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_of_a_shell_names_every_command(command: Callable[..., tuple[int, str, str]], shell: str) -> None:
    status, out, err = command("completion", shell)

    assert (status, err) == (0, "")
    assert all(name in out for name in (*cli.COMMANDS, "max-response", "html"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_options_and_files(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "completion").write_text(command("completion", "bash")[1])
    (tmp_path / "call.json").write_text("{}")
    script = """
        source completion
        complete_words() {
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _shtab_roark_otel roark-otel "${COMP_WORDS[COMP_CWORD]}"
            echo "${COMPREPLY[@]}"
        }
        complete_words roark-otel ca
        complete_words roark-otel calls di
        complete_words roark-otel calls check --max
        complete_words roark-otel calls show call
    """

    done = subprocess.run(  # noqa: S603 - our own script
        [str(shutil.which("bash")), "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True
    )

    assert done.stdout.split() == ["calls", "diff", "--max-response", "call.json"]


def test_importing_the_command_line_loads_no_extra(run: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = run(code=LOADED)

    assert not {"rich", "starlette", "uvicorn", "jsonschema", "httpx", "google.protobuf"} & set(json.loads(out))


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("rich", "demo"),
        ("starlette", "demo"),
        ("opentelemetry.proto", "demo"),
        ("shtab", "completion bash"),
        ("starlette", "sandbox"),
        ("uvicorn", "sandbox"),
    ],
)
def test_a_missing_extra_is_reported_in_one_line_with_how_to_install_it(
    run: Callable[..., tuple[int, str, str]], missing: str, command: str
) -> None:
    status, out, err = run(missing, *command.split(), code=WITHOUT)

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

    assert process.wait(timeout=300) == 1
    assert process.stderr.read() == ""


FULL = """
import os, sys
os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
from roark_otel.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the machine has no disk that is always full")
@pytest.mark.parametrize("words", ["Hello.", "Hello. " * 10_000], ids=["few words", "many words"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_cannot_be_written_is_one_line(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, words: str, unbuffered: str
) -> None:
    call = {"externalId": "call-1", "transcript": [{"role": "AGENT", "text": words, "startOffsetMs": 0}]}
    (tmp_path / "call.json").write_text(json.dumps(call))

    status, _, err = run("calls", "show", str(tmp_path / "call.json"), code=FULL, PYTHONUNBUFFERED=unbuffered)

    assert (status, err) == (1, "roark-otel: the output cannot be written: No space left on device\n")


def test_a_fault_that_is_not_of_the_output_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    replace(monkeypatch, OSError("of the command"))

    with pytest.raises(OSError, match="of the command"):
        cli.main(["demo"])


def replace(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    def run(_options: object) -> int:
        raise fault

    monkeypatch.setattr(cli, "COMMANDS", {"demo": Command("demo", "", lambda _parser: None, run)})
