"""`roark-otel doctor` where a config file of OpenTelemetry is named, and which spans its sampler lets through."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.instrumented import INSTRUMENT, environment

pytest.importorskip("opentelemetry.configuration", reason="older OpenTelemetry versions read no config file")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

    Examine = Callable[..., "Examined"]

CONSOLE: list[dict[str, Any]] = [{"simple": {"exporter": {"console": {}}}}]
URL = "https://recordings.example.com/all.wav?signature=hunter2"

WITHOUT = """
import sys
sys.modules[{missing!r}] = None
from roark_otel.cli import main
sys.exit(main(["doctor", "--json"]))
"""


class Examined:
    """What doctor found."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        assert done.stderr == ""
        self.status, self.printed = done.returncode, done.stdout
        self.findings: list[dict[str, str]] = json.loads(done.stdout)

    def of(self, about: str, *levels: str) -> list[str]:
        """What was seen of a subject."""
        found = [one for one in self.findings if one["about"] == about]
        return [one["seen"] for one in found if not levels or one["level"] in levels]

    def cure(self, seen: str) -> str:
        """What helps against what was seen."""
        (cure,) = [one["cure"] for one in self.findings if seen in one["seen"]]
        return cure


@pytest.fixture(name="examine")
def _examine(sandbox: Sandbox, tmp_path: Path) -> Examine:
    """Runs doctor with a file: with this block, or with this content."""

    def examine(
        block: object = None,
        *,
        sampler: object = None,
        written: object = None,
        name: str = "otel.yaml",
        code: str | None = None,
        with_key: bool = True,
        **env: str,
    ) -> Examined:
        provider = {"processors": CONSOLE} if sampler is None else {"processors": CONSOLE, "sampler": sampler}
        usual: dict[str, Any] = {"file_format": "1.0", "tracer_provider": provider}
        if block is not None:
            usual["instrumentation/development"] = {"python": {"roark": block}}
        text = written if isinstance(written, str) else yaml.safe_dump(usual if written is None else written)
        (tmp_path / name).write_text(text, encoding="utf-8")
        own = environment(
            sandbox if with_key else None, tmp_path / "spool", OTEL_CONFIG_FILE=str(tmp_path / name), **env
        )
        program = ["-m", "roark_otel", "doctor", "--json"] if code is None else ["-c", code]
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, *program], env=own, capture_output=True, text=True, timeout=300, check=False
        )
        return Examined(done)

    return examine


def test_settings_of_the_file_are_shown(examine: Examine, sandbox: Sandbox) -> None:
    """What is secret is not. Variables fill what it leaves open, and those that it names are filled in."""
    block = {
        "api_key": "${SECRET}",
        "base_url": sandbox.url,
        "agent_name": "Order desk",
        "redact_kinds": ["card", "phone"],
        "redact_patterns": ["hunter2"],
        "recording_url": URL,
    }

    found = examine(block, with_key=False, SECRET="hunter2", ROARK_AGENT_CUSTOM_ID="desk-1")  # noqa: S106

    assert found.status == 0
    assert found.of("config file, api_key") == ["set, not shown"]
    assert found.of("config file, agent_name") == ["Order desk"]
    assert found.of("config file, redact_kinds") == ["card, phone"]
    assert found.of("config file, recording_url") == ["https://recordings.example.com/all.wav?…"]
    assert found.of("ROARK_AGENT_CUSTOM_ID") == ["desk-1"]
    assert found.of("recording") == ["every call gets a URL"]
    assert found.of("Roark") == [f"{sandbox.url} accepts the key"]
    assert found.of("key") == []
    assert "hunter2" not in found.printed


def test_the_file_wins_over_variables(examine: Examine, tmp_path: Path) -> None:
    found = examine({"spool_dir": str(tmp_path / "of-the-file")})

    assert f"{tmp_path / 'of-the-file'} can be made" in found.of("spool")


@pytest.mark.parametrize("block", [{"agent_name": "Order desk"}, {}, {"api_key": "${NOT_SET}"}])
def test_a_key_that_is_nowhere(examine: Examine, block: dict[str, str]) -> None:
    found = examine(block, with_key=False)

    assert (found.status, found.of("key", "wrong")) == (1, ["missing, so no calls are sent to Roark"])


@pytest.mark.parametrize(
    ("block", "seen", "level"),
    [
        (
            {"agent_nam": "x"},
            "agent_nam is not a setting of this version and has no effect; nearest: agent_name",
            "warned",
        ),
        ({"recording-url": URL}, "recording-url is not a setting", "warned"),
        ({"capture_contents": False}, "nearest: capture_content", "wrong"),
        ({"linger_seconds": "soon"}, "linger_seconds: must be seconds, 0 or more; ignoring it", "warned"),
        ({"capture_content": "maybe"}, "content stays off until it is corrected", "wrong"),
        ({"recording_url": "a.wav"}, "recording_url: must be an absolute http or https URL; ignoring it", "warned"),
        ({"recording_url": 5}, "recording_url: must be an absolute http or https URL; ignoring it", "warned"),
        ({"api_key": "hunter2\nhunter2"}, "no key is used", "wrong"),
        ({"base_url": "http://user:hunter2@example.com"}, "base_url: must be https", "wrong"),
        ({"enabled": False, "agent_name": "x"}, "enabled: false: the file's settings are not used", "warned"),
    ],
)
def test_what_is_not_good_in_the_block(examine: Examine, block: dict[str, Any], seen: str, level: str) -> None:
    found = examine(block)

    assert [one for one in found.of("config file", level) if seen in one], found.findings
    assert found.status == (1 if level == "wrong" else 0)
    assert "hunter2" not in found.printed


def test_without_a_block_variables_hold(examine: Examine) -> None:
    found = examine()

    assert found.status == 0
    assert found.of("config file")[1].startswith("no block roark below instrumentation/development, python")


HEAD = 'file_format: "1.0"\n'


@pytest.mark.parametrize(
    ("written", "name", "why"),
    [
        (HEAD + "tracer_provider: [hunter2", "otel.yaml", "it cannot be parsed, at line 2"),
        (HEAD + "a: b: hunter2\n", "otel.yaml", "it cannot be parsed, at line 2"),
        ('{"file_format": "1.0",\n "hunter2', "otel.json", "it cannot be parsed, at line 2"),
        (HEAD + "tracer_provider: hunter2\n", "otel.yaml", "expects, at tracer_provider"),
        (HEAD + "tracer_provider: {processors: []}\n", "otel.yaml", "expects, at tracer_provider.processors"),
        ("resource: {}\n", "otel.yaml", "it does not have the form that OpenTelemetry expects"),
        ('file_format: "9.0"\n', "otel.yaml", "Unsupported file_format '9.0'"),
        ("", "otel.yaml", "Configuration file is empty"),
        ("- hunter2\n", "otel.yaml", "Configuration must be a mapping"),
        (HEAD, "otel.toml", "Unsupported file format: .toml"),
    ],
)
def test_a_broken_file_is_wrong_in_one_line(examine: Examine, written: str, name: str, why: str) -> None:
    found = examine(written=written, name=name)

    (seen,) = found.of("config file")
    assert found.status == 1
    assert why in seen
    assert seen.endswith(", so opentelemetry-instrument does nothing")
    assert "\n" not in seen
    assert "hunter2" not in found.printed
    assert found.cure(why) == "correct it, or unset OTEL_CONFIG_FILE"


def test_a_file_that_is_not_there(examine: Examine, tmp_path: Path) -> None:
    found = examine(
        code=WITHOUT.format(missing="nothing").replace(
            "import sys\n", "import os, sys\nos.remove(os.environ['OTEL_CONFIG_FILE'])\n"
        )
    )

    assert found.status == 1
    assert found.of("config file", "wrong") == [
        f"{tmp_path / 'otel.yaml'}: Configuration file not found, so opentelemetry-instrument does nothing"
    ]


@pytest.mark.parametrize("roark", [None, "on", ["on"], {5: "on"}])
def test_a_block_that_is_no_mapping_of_names(examine: Examine, roark: object) -> None:
    written: dict[str, Any] = {"file_format": "1.0", "tracer_provider": {"processors": CONSOLE}}
    written["instrumentation/development"] = {"python": {"roark": roark}}

    found = examine(written=written)

    assert (found.status, len(found.of("config file", "wrong"))) == (1, 1)


def test_a_file_that_turns_it_all_off(examine: Examine) -> None:
    found = examine(written={"file_format": "1.0", "disabled": True, "tracer_provider": {"processors": CONSOLE}})
    assert found.of("config file", "wrong") == ["disabled: true turns OpenTelemetry off, so no span is recorded"]

    found = examine(written={"file_format": "1.0"})
    assert found.of("config file", "warned") == ["it has no tracer_provider, so opentelemetry-instrument makes none"]


@pytest.mark.parametrize(
    ("missing", "package"),
    [("opentelemetry.configuration", "opentelemetry-configuration"), ("yaml", "pyyaml"), ("jsonschema", "jsonschema")],
)
def test_where_the_package_is_missing(examine: Examine, missing: str, package: str) -> None:
    found = examine({"agent_name": "x"}, code=WITHOUT.format(missing=missing))

    (seen,) = found.of("config file")
    assert found.status == 1
    assert seen.endswith(f"cannot be read, and opentelemetry-instrument does nothing: {package} is not installed")
    assert found.cure("cannot be read").startswith(f"pip install {package}")


# The sampler


@pytest.mark.parametrize(
    ("sampler", "level", "seen"),
    [
        ({"roark": {}}, "fine", "roark, which records every conversation"),
        ({"parent_based": {"root": {"roark": {}}}}, "fine", "roark, which records every conversation"),
        (None, "fine", "every conversation is recorded"),
        ({"always_on": {}}, "fine", "always_on: every conversation is recorded"),
        ({"always_off": None}, "wrong", "always_off drops every span"),
        ({"parent_based": {"root": {"always_off": {}}}}, "wrong", "parent_based always_off drops every span"),
        ({"trace_id_ratio_based": {"ratio": 0}}, "wrong", "trace_id_ratio_based 0 drops every span"),
        ({"trace_id_ratio_based": {"ratio": 0.25}}, "warned", "drops about 75 % of conversations"),
        ({"parent_based": {"root": {"trace_id_ratio_based": {"ratio": 0.0}}}}, "wrong", "drops every span"),
        ({"trace_id_ratio_based": {}}, "fine", "every conversation is recorded"),
    ],
)
def test_the_sampler_of_the_file(examine: Examine, sampler: object, level: str, seen: str) -> None:
    """The variable is not read where there is a file."""
    found = examine(sampler=sampler, OTEL_TRACES_SAMPLER="always_off")

    (one,) = found.of("sampler", level)
    assert seen in one
    assert len(found.of("sampler")) == 1


@pytest.mark.parametrize(
    ("sampler", "argument", "level", "seen"),
    [
        ("always_off", "", "wrong", "AlwaysOffSampler drops every span"),
        ("parentbased_always_off", "", "wrong", "drops every span"),
        ("traceidratio", "0", "wrong", "TraceIdRatioBased{0.0} drops every span"),
        ("parentbased_traceidratio", "0.1", "warned", "drops about 90 % of conversations"),
        ("", "", "fine", "every conversation is recorded"),
        ("roark", "always_off", "fine", "every conversation is recorded"),
    ],
)
def test_the_sampler_of_the_provider_that_is_there(
    sandbox: Sandbox, tmp_path: Path, sampler: str, argument: str, level: str, seen: str
) -> None:
    """Under `opentelemetry-instrument` the provider is that of the app, and is asked."""
    more = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}
    env = environment(sandbox, tmp_path / "spool", **{name: value for name, value in more.items() if value})
    command = [str(INSTRUMENT), sys.executable, "-m", "roark_otel", "doctor", "--json"]

    found = Examined(subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False))  # noqa: S603

    (one,) = found.of("sampler", level)
    assert seen in one
    assert found.of("provider", "fine")


def test_the_provider_of_a_file_is_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    config = tmp_path / "otel.yaml"
    provider = {"processors": CONSOLE, "sampler": {"always_off": {}}}
    block = {"python": {"roark": {"agent_name": "Order desk"}}}
    written = {"file_format": "1.0", "tracer_provider": provider, "instrumentation/development": block}
    config.write_text(yaml.safe_dump(written), encoding="utf-8")
    env = environment(sandbox, tmp_path / "spool", OTEL_CONFIG_FILE=str(config))
    command = [str(INSTRUMENT), sys.executable, "-m", "roark_otel", "doctor", "--json"]

    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603

    findings = {one["about"]: one for one in json.loads(done.stdout)}
    assert findings["sampler"]["seen"] == "AlwaysOffSampler drops every span, so no conversation becomes a call"
    assert findings["config file, agent_name"]["seen"] == "Order desk"
    assert findings["provider"]["level"] == "fine"
