"""Settings that decide where calls go and what they show: a value that cannot be read does not open what it closes."""

from __future__ import annotations

import json
import logging
import os
import pickle
import re
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from roark_otel import RoarkSpanProcessor, Settings
from roark_otel._engine.parts import directory_without_address, spool_directory
from roark_otel._settings.api_key import MAX_KEY_BYTES, read_key
from roark_otel._settings.closing import CLOSED
from roark_otel._settings.fields import DEFAULT_BASE_URL
from roark_otel._settings.settings import VARIABLES
from roark_otel._traces.exporter import endpoint
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY = SecretStr("rk_live_0123456789")
GENAI = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

UNUSABLE_URLS = [
    "api.example.com",
    "htps://api.example.com",
    "https//api.example.com",
    "https:/api.example.com",
    "https:\\\\api.example.com",
    "ftp://api.example.com",
    "http://api.example.com",
    "http://192.0.2.1",
    "https://",
    "https:///v1",
    "/v1",
    "https://https://api.example.com",
    "https://api example.com",
    "https://api\u00a0.example.com",
    "https://api..example.com",
    "https://.example.com",
    "https://-",
    f"https://{'a' * 64}.example.com",
    "https://api.example.com:",
    "https://api.example.com:0",
    "https://api.example.com:99999",
    "https://api.example.com:port",
    "https://2001:db8::1",
    "https://::1",
    "http://::1:8080",
    "https://[::1",
    "https://[nonsense]",
    "https://user@api.example.com",
    "https://user:hunter2@api.example.com",
    "http://user:hunter2@127.0.0.1",
    "user:hunter2@api.example.com",
    "https://api.example.com?key=hunter2",
    "https://api.example.com/v1#hunter2",
    '"https://api.example.com"',
]

SWITCHES: list[tuple[str, str, str, object]] = [
    ("ROARK_OBSERVABILITY_ENABLED", "flase", "enabled", False),
    ("ROARK_OBSERVABILITY_ENABLED", "disabled", "enabled", False),
    ("ROARK_CAPTURE_CONTENT", "flase", "capture_content", False),
    ("ROARK_CAPTURE_CONTENT", "none", "capture_content", False),
    (GENAI, "flase", "capture_content", False),
    (GENAI, "no-content", "capture_content", False),
    ("ROARK_REDACT", "crad", "redact_kinds", ("card", "phone", "email")),
    ("ROARK_REDACT", "card;phone", "redact_kinds", ("card", "phone", "email")),
    ("ROARK_REDACT", ", ,", "redact_kinds", ("card", "phone", "email")),
    ("ROARK_REDACT", "true", "redact_kinds", ("card", "phone", "email")),
    ("ROARK_REDACT", r"order \d+", "redact_kinds", ("card", "phone", "email")),
    ("ROARK_REDACT_PATTERNS", "[a-", "capture_content", False),
    ("ROARK_REDACT_PATTERNS", "fine\n(", "capture_content", False),
    ("ROARK_REDACT_PATTERNS", "(" * 3_000, "capture_content", False),
    ("ROARK_LOG_EXTERNAL_ID", "hashed", "log_external_id", "hash"),
    ("ROARK_EXPORT_TRACES", "perhaps", "export_traces", False),
]


@pytest.mark.parametrize("url", UNUSABLE_URLS)
def test_an_unusable_address_is_no_address(url: str, said: pytest.LogCaptureFixture) -> None:
    """Not the default one, to which key and words would go. In code it is a ValueError; neither shows it."""
    found = Settings.from_env({"ROARK_BASE_URL": url, "ROARK_EXPORT_TRACES": "true"})
    with pytest.raises(ValueError, match="base_url") as caught:
        RoarkSpanProcessor(api_key="a-key", base_url=url)

    assert (found.address, endpoint(found)) == ("", "")
    (record,) = said.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("ROARK_BASE_URL: must be ")
    assert "nothing is sent anywhere" in record.getMessage()
    assert "hunter2" not in record.getMessage() + str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "HTTPS://api.example.com.:8443/roark/",
        "https://api_internal:8443",
        "https://[2001:db8::1]:8443",
        "https://b\u00fccher.example.com",
        "http://localhost:1",
        "http://127.8.8.8",
        "http://[::1]:1",
        "http://[::ffff:127.0.0.1]:1",
    ],
)
def test_a_usable_address(url: str, said: pytest.LogCaptureFixture) -> None:
    assert Settings.from_env({"ROARK_BASE_URL": url}).address == url.rstrip("/")
    assert said.records == []


def test_no_address_survives_arguments_and_processes_but_not_a_better_argument() -> None:
    found = Settings.from_env({"ROARK_BASE_URL": "nonsense", "ROARK_API_KEY": KEY.get_secret_value()})

    assert found.with_arguments(linger_seconds=1).address == ""
    assert pickle.loads(pickle.dumps(found)).with_arguments(quiet_seconds=1).address == ""  # noqa: S301 - our own
    assert found.with_arguments(base_url="https://api.example.com").address == "https://api.example.com"
    with pytest.raises(ValueError, match="base_url"):
        found.with_arguments(base_url="")
    with pytest.raises(ValueError, match="base_url"):
        Settings(base_url="")


def test_an_unusable_project_is_no_address_either(said: pytest.LogCaptureFixture) -> None:
    """The key of a user would send the calls to a project that nobody has named."""
    found = Settings.from_env({"ROARK_PROJECT_ID": "pr\u00f6ject"})

    assert found.address == ""
    assert found.with_arguments(project_id="project").address == DEFAULT_BASE_URL
    assert [one.levelno for one in said.records] == [logging.ERROR]


def test_calls_without_an_address_have_a_directory_of_the_same_key_and_project() -> None:
    bad = Settings.from_env({"ROARK_BASE_URL": "nonsense"})
    good = Settings.from_env({})
    other = Settings.from_env({"ROARK_BASE_URL": "https://eu.example.com"})
    project = Settings.from_env({"ROARK_PROJECT_ID": "p"})

    own = spool_directory(bad, KEY)
    assert directory_without_address(good, KEY) == directory_without_address(other, KEY) == own
    assert own != spool_directory(good, KEY)
    assert own not in {directory_without_address(project, KEY), directory_without_address(good, SecretStr("another"))}


@pytest.mark.parametrize(("name", "value", "setting", "expected"), SWITCHES)
def test_a_privacy_switch_that_cannot_be_read_closes(
    name: str, value: str, setting: str, expected: object, said: pytest.LogCaptureFixture
) -> None:
    found = dict(Settings.from_env({name: value}))

    assert found == {**dict(Settings()), setting: expected}
    (record,) = said.records
    message = record.getMessage()
    assert record.levelno == logging.ERROR
    assert message.startswith(f"{name}: must be ")
    assert value not in message.split(";")[1]


def test_every_setting_that_closes_is_documented_and_shown_here() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    section = text.partition("\n## Values that cannot be read\n")[2].partition("\n## ")[0]
    names = {name for name, setting in VARIABLES.items() if setting in CLOSED}

    assert set(re.findall(r"`(ROARK_\w+)`", section.partition("\n\nAll others")[0])) == names


def test_an_unusable_traces_endpoint_exports_nothing(said: pytest.LogCaptureFixture) -> None:
    """Not to Roark's, which is the default."""
    environ = {"ROARK_EXPORT_TRACES": "true", "ROARK_TRACES_ENDPOINT": "http://traces.example.com"}

    assert endpoint(Settings.from_env(environ)) == ""
    assert endpoint(Settings.from_env({**environ, "ROARK_TRACES_ENDPOINT": "https://t.example.com/v1?x=1"})) != ""
    assert "no traces are exported" in said.text


@pytest.mark.parametrize("value", ["rk live", "ROARK_API_KEY=rk_live"])
@pytest.mark.parametrize("name", ["ROARK_API_KEY", "ROARK_API_BEARER_TOKEN"])
def test_no_other_key_takes_the_place_of_one_that_cannot_be_used(
    name: str, value: str, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    """It may be that of another project."""
    (tmp_path / "key").write_text("another-key", encoding="utf-8")
    environ = {name: value, "ROARK_API_KEY_FILE": str(tmp_path / "key")}

    assert Settings.from_env(environ).with_arguments().api_key is None
    assert [one.levelno for one in said.records] == [logging.ERROR]
    assert "another-key" not in said.text


# Words and patterns


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"ROARK_REDACT": "Card , EMAIL,card"}, ("card", "email", "card")),
        ({"ROARK_REDACT_PATTERNS": r"\d{1,3},\d" "\n\n  [A-Z]+ "}, (re.compile(r"\d{1,3},\d"), re.compile("[A-Z]+"))),
        ({"ROARK_REDACT_PATTERNS": "card"}, ("card",)),
        ({"ROARK_REDACT_PATTERNS": "Card\nx,email"}, ("card", re.compile("x,email"))),
        ({"ROARK_REDACT_PATTERNS": "EMAIL, phone,"}, ("email", "phone")),
        ({"ROARK_REDACT": "phone", "ROARK_REDACT_PATTERNS": "x"}, ("phone", re.compile("x"))),
    ],
)
def test_what_is_replaced(environ: Mapping[str, str], expected: object, said: pytest.LogCaptureFixture) -> None:
    assert Settings.from_env(environ).replaced == expected
    assert said.records == []


@pytest.mark.parametrize(
    "arguments", [{"redact_kinds": ["crad"]}, {"redact_patterns": ["crad"]}, {"redact_patterns": [r"order \d+"]}]
)
def test_an_unknown_word_in_code_is_a_value_error(arguments: dict[str, Any]) -> None:
    """It is not taken for a pattern of the app's own, which would replace nothing but itself."""
    with pytest.raises(ValueError, match="card, ") as caught:
        RoarkSpanProcessor(api_key="a-key", **arguments)

    assert next(iter(arguments)) in str(caught.value)


def test_kinds_and_patterns_in_code() -> None:
    own = re.compile("x")

    assert Settings().with_arguments(redact_patterns=["card", own]).replaced == ("card", own)
    assert Settings().with_arguments(redact_kinds=["card"], redact_patterns=[own]).replaced == ("card", own)


# Logs of values


@pytest.mark.parametrize("name", sorted(set(VARIABLES) - {"ROARK_API_KEY_FILE"}))
def test_a_log_names_the_setting_and_its_choices_and_never_the_value(name: str, said: pytest.LogCaptureFixture) -> None:
    Settings.from_env({name: "hunter\x002 \u00fc {hunter2"})

    for record in said.records:
        assert record.getMessage().startswith(f"{name}: ")
        assert "hunter" not in record.getMessage()
    assert len(said.records) == (0 if is_free(name) else 1)


def is_free(name: str) -> bool:
    """Whether any text is a value of a variable."""
    free = {"ROARK_AGENT_NAME", "ROARK_AGENT_CUSTOM_ID", "ROARK_SPOOL_DIR", "ROARK_EXTERNAL_ID_KEYS"}
    return name in free | {"ROARK_PROPERTIES_ALLOW", "ROARK_REDACT_PATTERNS", "ROARK_INSTRUMENT"}


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [
        ("ROARK_LINGER_SECONDS", "soon", "seconds, 0 or more; using the default: 2"),
        ("ROARK_MAX_CONVERSATIONS", "many", "a number, 1 or more; using the default: 10000"),
        ("ROARK_CALL_SAMPLE_RATIO", "10%", "a number, 0 to 1; using the default: 1"),
        ("ROARK_INTERFACE_TYPE", "FAX", "PHONE or WEB; using"),
        ("ROARK_SPOOL", "tape", "disk or memory; using the default: disk"),
        ("ROARK_AUTO_EXTERNAL_ID", "perhaps", "true or false; using the default: false"),
        ("ROARK_REDACT", "crad", "card, email, phone, separated by commas; all three kinds are redacted"),
        ("ROARK_CAPTURE_CONTENT", "flase", "true or false; content stays off"),
        (GENAI, "flase", "true, false, NO_CONTENT, SPAN_ONLY, EVENT_ONLY or SPAN_AND_EVENT; content stays off"),
    ],
)
def test_a_log_names_the_choices(name: str, value: str, choices: str, said: pytest.LogCaptureFixture) -> None:
    Settings.from_env({name: value})

    assert said.messages[0].startswith(f"{name}: must be {choices}")


# Key files that are none


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes with names")
@pytest.mark.parametrize("kind", ["pipe", "directory", "device", "huge", "binary", "socket"])
def test_a_key_file_that_is_none(kind: str, tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    """One clear line, and no wait for somebody who writes into a pipe."""
    path = tmp_path / "key"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "huge":
            with path.open("wb") as file:
                file.write(b"k" * MAX_KEY_BYTES)
                file.truncate(10 * 1024**3)
        case "binary":
            path.write_bytes(bytes(range(256)))
        case _:
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(str(path))

    found = Settings.from_env({"ROARK_API_KEY_FILE": str(path)})
    with pytest.raises(ValueError, match=r"^roark_otel: api_key_file: [^\n]+$"):
        RoarkSpanProcessor(api_key_file=path)

    assert (found.api_key, found.api_key_file) == (None, None)
    (record,) = said.records
    assert record.getMessage().startswith("ROARK_API_KEY_FILE: must be the path of a file that holds the key")
    assert ("is not a regular file" in record.getMessage()) is (kind in {"pipe", "device"})


def test_a_key_file_that_an_editor_has_marked(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfrk\r\n")

    assert read_key(tmp_path / "key") == SecretStr("rk")


def test_the_longest_key_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b" " * (MAX_KEY_BYTES - 3) + b"rk\n")

    assert read_key(tmp_path / "key") == SecretStr("rk")


def test_no_representation_shows_a_password() -> None:
    """It cannot get into settings: an address with one is no address."""
    found = Settings.from_env({"ROARK_BASE_URL": "https://user:hunter2@api.example.com"})

    for shown in (repr(found), str(found), json.dumps(found.model_dump(mode="json"))):
        assert "hunter2" not in shown
