"""Settings and sampler in a config file of OpenTelemetry, as the real `opentelemetry-configuration` reads it."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest
import yaml

from roark_otel._settings.overrides import OVERRIDABLE, SettingsOverrides
from support.documents import blocks
from support.instrumented import CONVERSATION, WITNESS, Ran, environment, run

pytest.importorskip("opentelemetry.configuration", reason="older OpenTelemetry versions read no config file")

from roark_otel_zero_code.configuration import RoarkConfiguration

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

OF_THE_SDK = "OTEL_CONFIG_FILE is set; ignoring configurator kwargs"
"""What the SDK says of its own arguments, whatever is in the file."""

CONSOLE: list[dict[str, Any]] = [{"simple": {"exporter": {"console": {}}}}]

NO_URL = CONVERSATION.replace('"roark.recording_url": "https://example.com/a.wav",', "")


def app(
    folder: Path,
    sandbox: Sandbox | None,
    block: dict[str, Any] | None,
    code: str = CONVERSATION + "hold()\n",
    sampler: dict[str, Any] | None = None,
    **env: str,
) -> Ran:
    """Runs an app whose provider and settings are in a file; spans are printed."""
    written: dict[str, Any] = {"file_format": "1.0", "tracer_provider": {"processors": CONSOLE}}
    if sampler is not None:
        written["tracer_provider"]["sampler"] = sampler
    if block is not None:
        written["instrumentation/development"] = {"python": {"roark": block}}
    return app_of(folder, sandbox, written, code, **env)


def app_of(folder: Path, sandbox: Sandbox | None, written: dict[str, Any], code: str, **env: str) -> Ran:
    """Runs an app with a whole file."""
    config = folder / "otel.yaml"
    config.write_text(yaml.safe_dump(written), encoding="utf-8")
    ran = run(folder / "app.py", code, environment(sandbox, folder / "spool", OTEL_CONFIG_FILE=str(config), **env))
    ours = [line for line in ran.err.splitlines(keepends=True) if not line.startswith(OF_THE_SDK)]
    return replace(ran, err="".join(ours))


def test_the_block_has_every_setting_and_the_recording() -> None:
    """By the names and with the types that arguments have; a list may also be written as a variable has it."""
    names = [field.name for field in fields(RoarkConfiguration)]
    assert names == ["recording_url", *SettingsOverrides.__annotations__, "unknown"]
    assert set(names) == {*OVERRIDABLE, "recording_url", "unknown"}

    of_block, of_code = get_type_hints(RoarkConfiguration), get_type_hints(SettingsOverrides)
    for name in OVERRIDABLE:
        plain = {one for one in get_args(of_code[name]) if one in {str, int, float, bool, type(None)}}
        assert plain <= set(get_args(of_block[name]))


def test_the_recording_of_every_call(sandbox: Sandbox, tmp_path: Path) -> None:
    ran = app(tmp_path, sandbox, {"recording_url": "https://example.com/all.wav"}, NO_URL + "hold()\n")

    assert (ran.status, ran.err) == (0, "")
    (call,) = sandbox.calls()
    assert call["recordingUrl"] == "https://example.com/all.wav"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("agent_nam", "nearest: agent_name"),
        ("recording-url", "nearest: recording_url"),
        ("capture_contents", "nearest: capture_content"),
        ("zzz", "docs/settings.md lists all"),
        ("unknown", "docs/settings.md lists all"),
    ],
)
def test_a_name_that_is_not_a_setting_costs_nothing_else(
    sandbox: Sandbox, tmp_path: Path, name: str, nearest: str
) -> None:
    ran = app(tmp_path, sandbox, {name: "x", "agent_name": "Order desk"})

    assert ran.status == 0
    assert ran.err.splitlines() == [f"{name} is not a setting of this version and has no effect; {nearest}"]
    (call,) = sandbox.calls()
    assert call["agent"]["name"] == "Order desk"
    assert len(call["transcript"]) == 2


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"linger_seconds": "soon"}, "roark_otel: linger_seconds: must be seconds, 0 or more; ignoring it"),
        ({"max_conversations": 0}, "roark_otel: max_conversations: must be a number, 1 or more; ignoring it"),
        ({"recording_url": "a.wav"}, "roark_otel: recording_url: must be an absolute http or https URL; ignoring it"),
        ({"recording_url": 5}, "roark_otel: recording_url: must be an absolute http or https URL; ignoring it"),
    ],
)
def test_a_value_that_is_invalid_costs_only_itself(
    sandbox: Sandbox, tmp_path: Path, block: dict[str, Any], said: str
) -> None:
    ran = app(tmp_path, sandbox, {**block, "agent_name": "Order desk"})

    assert (ran.status, ran.err.splitlines()) == (0, [said])
    (call,) = sandbox.calls()
    assert call["agent"]["name"] == "Order desk"


def test_a_value_that_decides_what_is_shown_closes(sandbox: Sandbox, tmp_path: Path) -> None:
    ran = app(tmp_path, sandbox, {"capture_content": "maybe", "redact_kinds": ["cards"]})

    assert ran.status == 0
    assert "capture_content: must be true or false; content stays off until it is corrected" in ran.err
    assert "all three kinds are redacted until it is corrected" in ran.err
    (call,) = sandbox.calls()
    assert "transcript" not in call


def test_an_address_that_cannot_be_used_sends_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    ran = app(tmp_path, sandbox, {"base_url": "http://example.com"})

    assert ran.status == 0
    assert "base_url: must be https" in ran.err
    assert "Traceback" not in ran.err
    assert sandbox.calls() == []
    assert [*(tmp_path / "spool").rglob("*.jsonl")]


@pytest.mark.parametrize("key", [" \n", "two\nlines"], ids=["blank", "two lines"])
def test_a_key_that_cannot_be_used_is_not_replaced_by_another(sandbox: Sandbox, tmp_path: Path, key: str) -> None:
    ran = app(tmp_path, sandbox, {"api_key": key})

    assert ran.status == 0
    assert "no key is used" in ran.err
    assert "lines" not in ran.err
    assert sandbox.calls() == []


def test_the_file_wins_and_variables_fill_the_rest(sandbox: Sandbox, tmp_path: Path) -> None:
    block = {"agent_name": "of the file", "interface_type": "PHONE"}
    env: dict[str, Any] = {"ROARK_AGENT_NAME": "of the environment", "ROARK_AGENT_CUSTOM_ID": "desk-1"}

    ran = app(tmp_path, sandbox, block, **env)

    assert (ran.status, ran.err) == (0, "")
    (call,) = sandbox.calls()
    assert call["agent"] == {"name": "of the file", "customId": "desk-1"}
    assert call["interfaceType"] == "PHONE"


@pytest.mark.parametrize("kinds", [["card", "phone"], "card,phone"], ids=["a list", "as a variable"])
def test_a_list_is_written_either_way(sandbox: Sandbox, tmp_path: Path, kinds: object) -> None:
    code = CONVERSATION.replace("Where is my order?", "My number is +1 555 010 0123.") + "hold()\n"

    ran = app(tmp_path, sandbox, {"redact_kinds": kinds}, code)

    assert (ran.status, ran.err) == (0, "")
    (call,) = sandbox.calls()
    assert [entry["text"] for entry in call["transcript"]][1] == "My number is [phone]."


def test_patterns_are_a_list_of_text(sandbox: Sandbox, tmp_path: Path) -> None:
    code = CONVERSATION.replace("Where is my order?", "It is order 4711.") + "hold()\n"

    ran = app(tmp_path, sandbox, {"redact_patterns": [r"order \d+", "number [a-z]+"]}, code)

    assert (ran.status, ran.err) == (0, "")
    (call,) = sandbox.calls()
    assert "4711" not in [entry["text"] for entry in call["transcript"]][1]
    assert [entry["text"] for entry in call["transcript"]][1].startswith("It is ")


def test_the_key_may_come_from_a_variable_of_any_name(sandbox: Sandbox, tmp_path: Path) -> None:
    block = {"api_key": "${SECRET}", "base_url": sandbox.url, "spool_max_bytes": "${LIMIT:-1000000}"}

    ran = app(tmp_path, None, block, SECRET="test-key")  # noqa: S106 - of this test

    assert (ran.status, ran.err) == (0, "")
    assert len(sandbox.calls()) == 1


def test_settings_without_a_key_say_so(tmp_path: Path) -> None:
    ran = app(tmp_path, None, {"agent_name": "Order desk"})

    assert (ran.status, ran.err) == (
        0,
        "settings without a key, so no calls are sent to Roark: set ROARK_API_KEY\n",
    )


@pytest.mark.parametrize("env", [{}, {"ROARK_OBSERVABILITY_ENABLED": "false"}], ids=["in the file", "kill switch"])
def test_it_is_off_where_it_says_so(sandbox: Sandbox, tmp_path: Path, env: dict[str, Any]) -> None:
    block = {"agent_name": "Order desk"} if env else {"enabled": False}
    off = env or {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "roark,asgi,fastapi"}

    ran = app(tmp_path, sandbox, block, CONVERSATION + "hold()\n" + WITNESS, **off)

    assert (ran.status, ran.err) == (0, "")
    assert ran.witness["processors"] == ["SimpleSpanProcessor"]
    assert sandbox.calls() == []


def test_the_file_of_the_docs(sandbox: Sandbox, tmp_path: Path) -> None:
    """As it stands, but that no collector is here."""
    (one,) = blocks("yaml")
    written = yaml.safe_load(one.code)
    written["tracer_provider"]["processors"] = CONSOLE

    ran = app_of(tmp_path, sandbox, written, NO_URL + "hold()\n")

    assert (ran.status, ran.err) == (0, "")
    (call,) = sandbox.calls()
    assert call["agent"] == {"name": "Order desk"}
    assert call["recordingUrl"] == "https://recordings.example.com/call-1.wav"


# The sampler


@pytest.mark.parametrize("block", [None, {"agent_name": "Order desk"}], ids=["no block", "a block"])
@pytest.mark.parametrize(
    "sampler",
    [{"roark": {}}, {"roark": None}, {"parent_based": {"root": {"roark": {}}}}],
    ids=["empty", "null", "root"],
)
def test_the_sampler_records_what_another_one_drops(
    sandbox: Sandbox, tmp_path: Path, sampler: dict[str, Any], block: dict[str, Any] | None
) -> None:
    ran = app(tmp_path, sandbox, block, sampler=sampler, OTEL_TRACES_SAMPLER_ARG="always_off")

    assert (ran.status, ran.err) == (0, "")
    assert len(sandbox.calls()) == 1
    assert re.findall(r'"name": "(\w+)"', ran.out) == []  # nothing was exported


def test_the_sampler_keeps_all_by_default(sandbox: Sandbox, tmp_path: Path) -> None:
    ran = app(tmp_path, sandbox, None, sampler={"roark": {}})

    assert (ran.status, ran.err) == (0, "")
    assert len(sandbox.calls()) == 1
    assert '"name": "conversation"' in ran.out


def test_the_sampler_without_a_key_is_its_delegate(tmp_path: Path) -> None:
    ran = app(tmp_path, None, None, sampler={"roark": {}}, OTEL_TRACES_SAMPLER_ARG="always_on")

    assert (ran.status, ran.err) == (0, "")
    assert '"name": "conversation"' in ran.out
