"""Settings from arguments, the environment and defaults."""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from roark_otel import RoarkSpanProcessor, Settings, configure
from roark_otel._linking.recording_template import Template
from roark_otel._settings.fields import DEFAULT_BASE_URL
from roark_otel._settings.overrides import OVERRIDABLE
from roark_otel._settings.settings import VARIABLES
from roark_otel._settings.spool_dir import default_spool_dir
from roark_otel._settings.variable import variable_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEY = "rk_live_0123456789"
HIDDEN = "rk_live_01\n23456789"
"""A key that cannot be sent, and must not be shown."""

VALUES: dict[str, tuple[str, object]] = {
    "ROARK_API_BEARER_TOKEN": (KEY, SecretStr(KEY)),
    "ROARK_API_KEY": (KEY, SecretStr(KEY)),
    "ROARK_BASE_URL": ("https://eu.example.com/roark/", "https://eu.example.com/roark"),
    "ROARK_PROJECT_ID": ("project-1", "project-1"),
    "ROARK_OBSERVABILITY_ENABLED": ("off", False),
    "ROARK_INTERFACE_TYPE": ("web", "WEB"),
    "ROARK_CALL_DIRECTION": ("outbound", "OUTBOUND"),
    "ROARK_AGENT_NAME": ("Front desk", "Front desk"),
    "ROARK_AGENT_CUSTOM_ID": ("front-desk", "front-desk"),
    "ROARK_RECORDING_URL_TEMPLATE": (
        "https://example.com/{external_id}.wav",
        Template("https://example.com/{external_id}.wav"),
    ),
    "ROARK_SPOOL_DIR": ("/var/spool/example", Path("/var/spool/example")),
    "ROARK_LINGER_SECONDS": ("0.5", 0.5),
    "ROARK_QUIET_SECONDS": ("0", 0.0),
    "ROARK_IDLE_TIMEOUT_SECONDS": ("60", 60.0),
    "ROARK_MAX_CONVERSATIONS": ("7", 7),
    "ROARK_EXIT_TIMEOUT_SECONDS": ("1", 1.0),
    "ROARK_WAIT_AT_END_SECONDS": ("0.5", 0.5),
    "ROARK_HTTP_TIMEOUT_SECONDS": ("3", 3.0),
    "ROARK_INSTRUMENT": ("pipecat", ("pipecat",)),
    "ROARK_INSTRUMENTATION_SPANS": ("yes", True),
    "ROARK_PAYLOAD_SPAN_IDS": ("true", True),
    "ROARK_EXTERNAL_ID_KEYS": ("session.id, call_id ,", ("session.id", "call_id")),
    "ROARK_AUTO_EXTERNAL_ID": ("yes", True),
    "ROARK_ID_FROM_BAGGAGE": ("yes", True),
    "ROARK_CAPTURE_CONTENT": ("no", False),
    "ROARK_API_KEY_FILE": ("/run/secrets/roark", Path("/run/secrets/roark")),
    "ROARK_RECORDING_DELAY_SECONDS": ("30", 30.0),
    "ROARK_RECORDING_WAIT_SECONDS": ("60", 60.0),
    "ROARK_RECORDING_FALLBACK_URL": ("https://example.com/none.wav", "https://example.com/none.wav"),
    "ROARK_SPOOL": ("Memory", "memory"),
    "ROARK_SPOOL_MAX_BYTES": ("1000", 1000),
    "ROARK_SPOOL_MAX_AGE_SECONDS": ("60", 60.0),
    "ROARK_CALL_SAMPLE_RATIO": ("0.25", 0.25),
    "ROARK_REDACT": ("card, Email", ("card", "email")),
    "ROARK_REDACT_PATTERNS": (r"[A-Z]{2,3}\d+", (re.compile(r"[A-Z]{2,3}\d+"),)),
    "ROARK_PROPERTIES_ALLOW": ("shop, queue", ("shop", "queue")),
    "ROARK_EXPORT_TRACES": ("true", True),
    "ROARK_TRACES_ENDPOINT": ("https://traces.example.com/v1/traces", "https://traces.example.com/v1/traces"),
    "ROARK_LOG_EXTERNAL_ID": ("hash", "hash"),
}
"""For each variable a value that is not its default, and the setting that it gives."""

WRONG: dict[str, list[str]] = {
    "ROARK_INTERFACE_TYPE": ["FAX"],
    "ROARK_CALL_DIRECTION": ["SIDEWAYS"],
    "ROARK_RECORDING_URL_TEMPLATE": ["https://example.com/{unknown}.wav", "https://example.com/{external_id"],
    "ROARK_LINGER_SECONDS": ["-1", "soon", "nan", "inf"],
    "ROARK_QUIET_SECONDS": ["-1", "1e400"],
    "ROARK_IDLE_TIMEOUT_SECONDS": ["0", "-5"],
    "ROARK_MAX_CONVERSATIONS": ["0", "2.5", "many"],
    "ROARK_EXIT_TIMEOUT_SECONDS": ["-1"],
    "ROARK_WAIT_AT_END_SECONDS": ["-1", "inf"],
    "ROARK_HTTP_TIMEOUT_SECONDS": ["0", "inf"],
    "ROARK_RECORDING_FALLBACK_URL": ["none.wav", "ftp://example.com/none.wav"],
    "ROARK_SPOOL": ["tape"],
    "ROARK_SPOOL_MAX_BYTES": ["0", "1 GiB"],
    "ROARK_SPOOL_MAX_AGE_SECONDS": ["0"],
    "ROARK_CALL_SAMPLE_RATIO": ["2", "-0.1", "half"],
}


# One list in three places; the third is shown in `test_settings_table`


def test_every_variable_says_what_it_means() -> None:
    variables = [variable_of(field) for field in Settings.model_fields.values()]

    assert [one.name for one in variables if not one.meaning.endswith(".")] == []
    assert [name for name in VARIABLES if not re.fullmatch(r"ROARK_[A-Z_]+", name)] == []


def test_every_setting_has_a_variable_and_every_variable_an_example_here() -> None:
    assert set(VARIABLES.values()) == set(Settings.model_fields)
    assert len(VARIABLES) == len(Settings.model_fields) + 1  # the key has two names
    assert set(VALUES) == set(VARIABLES)


@pytest.mark.parametrize("function", [RoarkSpanProcessor, configure, Settings.with_arguments])
def test_every_setting_but_the_kill_switch_is_an_argument(function: Callable[..., Any]) -> None:
    """An app that does not want a processor adds none."""
    (overrides,) = [one for one in inspect.signature(function).parameters.values() if one.kind is one.VAR_KEYWORD]

    assert "Unpack[SettingsOverrides]" in str(overrides.annotation).replace("roark_otel._settings.overrides.", "")
    assert set(Settings.model_fields) - {"enabled"} == OVERRIDABLE
    function(*([Settings()] if function is Settings.with_arguments else []), **dict.fromkeys(OVERRIDABLE))


@pytest.mark.parametrize("name", ["linger", "enabled", "api-key"])
@pytest.mark.parametrize("function", [RoarkSpanProcessor, configure])
def test_an_argument_that_does_not_exist_is_a_type_error(function: Callable[..., Any], name: str) -> None:
    """As for any function of Python."""
    message = rf"^{function.__name__}\(\) got an unexpected keyword argument '{name}'$"

    with pytest.raises(TypeError, match=message):
        function(**{name: 1})


def test_the_docstring_of_the_processor_describes_every_argument_and_variable() -> None:
    docstring = inspect.getdoc(RoarkSpanProcessor) or ""
    arguments = {*inspect.signature(RoarkSpanProcessor).parameters, *OVERRIDABLE} - {"overrides"}

    assert [name for name in sorted(arguments) if f"\n    {name}: " not in docstring] == []
    assert [name for name in sorted(VARIABLES) if name not in docstring and name != "ROARK_OBSERVABILITY_ENABLED"] == []
    assert "\n    linger_seconds: How long late spans still count" in docstring
    assert "(`ROARK_LINGER_SECONDS`, default 2)\n" in docstring


# The environment


@pytest.mark.parametrize("name", sorted(VALUES.keys() - {"ROARK_API_KEY_FILE"}))
def test_a_variable_sets_its_setting_and_no_other(name: str) -> None:
    value, expected = VALUES[name]
    before, after = dict(Settings()), dict(Settings.from_env({name: f" {value} "}))
    field = VARIABLES[name]

    assert after[field] == expected
    assert after[field] != before[field]
    assert {**after, field: None} == {**before, field: None}


@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_an_empty_variable_is_unset(value: str) -> None:
    assert Settings.from_env(dict.fromkeys(VARIABLES, value)) == Settings.from_env({})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_an_invalid_variable_logs_one_warning_and_gives_the_default(
    name: str, value: str, said: pytest.LogCaptureFixture
) -> None:
    good = {"ROARK_AGENT_NAME": "Front desk"}

    found = Settings.from_env({**good, name: value})

    assert found == Settings.from_env(good)
    (record,) = said.records
    assert (record.levelno, record.name) == (logging.WARNING, "roark_otel")
    assert name in record.getMessage()
    assert "using the default" in record.getMessage()


def test_each_of_several_invalid_variables_is_logged(said: pytest.LogCaptureFixture) -> None:
    Settings.from_env({"ROARK_LINGER_SECONDS": "soon", "ROARK_INTERFACE_TYPE": "FAX"})

    assert len(said.records) == 2


def test_our_name_of_the_key_wins_over_that_of_the_sdk() -> None:
    found = Settings.from_env({"ROARK_API_KEY": "ours", "ROARK_API_BEARER_TOKEN": "theirs"})

    assert found.api_key == SecretStr("ours")


@pytest.mark.parametrize("value", ["false", "0", "no", "off", "FALSE", "Off", "No"])
def test_the_kill_switch_is_off(value: str) -> None:
    assert Settings.from_env({"ROARK_OBSERVABILITY_ENABLED": value}).enabled is False


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, True),
        ({"ROARK_CAPTURE_CONTENT": "true"}, True),
        ({"ROARK_CAPTURE_CONTENT": "0"}, False),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "false"}, False),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT"}, False),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": " False "}, False),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}, True),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}, True),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": ""}, True),
        (
            {
                "ROARK_CAPTURE_CONTENT": "true",
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "false",
            },
            False,
        ),
    ],
)
def test_content_is_captured_unless_a_switch_says_no(environ: Mapping[str, str], expected: bool) -> None:
    assert Settings.from_env(environ).capture_content is expected


def test_an_invalid_privacy_switch_falls_to_the_private_side(said: pytest.LogCaptureFixture) -> None:
    assert Settings.from_env({"ROARK_CAPTURE_CONTENT": "flase"}).capture_content is False
    (record,) = said.records
    assert "content stays off" in record.getMessage()


def test_an_unknown_roark_variable_is_logged_with_the_nearest_name(said: pytest.LogCaptureFixture) -> None:
    Settings.from_env({"ROARK_API_KYE": KEY, "SHARK_API_KEY": "x"})

    (record,) = said.records
    assert "ROARK_API_KYE" in record.getMessage()
    assert "ROARK_API_KEY" in record.getMessage()
    assert KEY not in record.getMessage()


# Values


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.1", "http://127.8.8.8:1", "http://[::1]:9"])
def test_plain_http_is_accepted_for_a_loopback_host(url: str) -> None:
    assert Settings(base_url=url).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://localhost.example.com",
        "http://127.example.com",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0",
        "http://192.0.2.1",
        "http://user@example.com#@127.0.0.1",
    ],
)
def test_the_key_never_travels_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="must be https"):
        Settings(base_url=url)


def test_an_empty_environment_gives_the_defaults() -> None:
    found = Settings.from_env({})

    assert (found.base_url, found.api_key, found.enabled) == (DEFAULT_BASE_URL, None, True)
    assert (found.linger_seconds, found.quiet_seconds, found.idle_timeout_seconds) == (2.0, 60.0, 14_400.0)
    assert (found.exit_timeout_seconds, found.http_timeout_seconds, found.max_conversations) == (5.0, 10.0, 10_000)


def test_an_argument_wins_over_settings_and_none_leaves_them() -> None:
    settings = Settings(agent_name="a", linger_seconds=1.0)

    found = settings.with_arguments(agent_name="b", linger_seconds=None, quiet_seconds=0.0, capture_content=False)

    assert (found.agent_name, found.linger_seconds) == ("b", 1.0)
    assert (found.quiet_seconds, found.capture_content) == (0.0, False)
    assert settings.agent_name == "a"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("api_key", HIDDEN),
        ("base_url", "http://api.example.com"),
        ("project_id", "project\n1"),
        ("project_id", "pröject"),
        ("interface_type", "FAX"),
        ("call_direction", 7),
        ("recording_url", "example.com/a.wav"),
        ("recording_url_template", "https://example.com/{unknown}.wav"),
        ("linger_seconds", -1),
        ("quiet_seconds", float("nan")),
        ("idle_timeout_seconds", 0),
        ("max_conversations", 0),
        ("http_timeout_seconds", 0),
        ("exit_timeout_seconds", float("inf")),
        ("spool_dir", 7),
    ],
)
def test_an_invalid_argument_is_a_value_error_in_one_line_that_names_it(argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=argument) as caught:
        RoarkSpanProcessor(**{"api_key": KEY, argument: value})

    message = str(caught.value)
    assert message.startswith("roark_otel: ")
    assert "\n" not in message
    assert type(caught.value) is ValueError


# Secrets


def test_a_time_without_end_is_a_year() -> None:
    """Sockets and locks refuse such times, so nothing would ever be sent."""
    assert Settings.from_env({"ROARK_HTTP_TIMEOUT_SECONDS": "1e18"}).http_timeout_seconds == 366 * 86_400
    assert Settings().with_arguments(linger_seconds=1e300).linger_seconds == 366 * 86_400


def test_no_representation_shows_the_key() -> None:
    settings = Settings(api_key=SecretStr(KEY))
    processor = RoarkSpanProcessor(api_key=KEY)

    for shown in (repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json()):
        assert KEY not in shown
    assert KEY not in repr(processor)
    assert KEY not in repr(vars(processor))


@pytest.mark.parametrize("other", [{}, {"base_url": "nonsense"}, {"linger_seconds": -1}])
def test_no_error_shows_the_key(other: dict[str, Any], said: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        RoarkSpanProcessor(**{"api_key": HIDDEN, **other})

    chain = [caught.value, caught.value.__cause__, caught.value.__context__ if not _is_silent(caught.value) else None]
    for shown in (*map(str, chain), *map(repr, chain), said.text):
        assert "23456789" not in shown


def _is_silent(fault: BaseException) -> bool:
    return fault.__suppress_context__


def test_settings_do_not_show_a_key_that_they_refuse() -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        Settings(api_key=SecretStr(HIDDEN))

    assert "23456789" not in str(caught.value)
    assert "23456789" not in repr(caught.value)


def test_an_invalid_key_in_the_environment_is_not_shown(said: pytest.LogCaptureFixture) -> None:
    found = Settings.from_env({"ROARK_API_KEY": HIDDEN})

    assert found.api_key is None
    assert "23456789" not in said.text
    assert "ROARK_API_KEY" in said.text


# The key from a file


def test_a_key_file_gives_the_key(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "key"
    file.write_text(f"  {KEY}\n")
    from_env = Settings.from_env({"ROARK_API_KEY_FILE": f" {file} "})

    assert (from_env.api_key, from_env.api_key_file) == (SecretStr(KEY), file)
    assert RoarkSpanProcessor(api_key_file=str(file))._settings.api_key == SecretStr(KEY)
    assert RoarkSpanProcessor(settings=Settings(api_key_file=file))._settings.api_key == SecretStr(KEY)
    assert KEY not in repr(from_env)
    assert KEY not in said.text


def test_a_key_wins_over_a_file_of_the_same_origin_and_an_argument_over_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    environ = {"ROARK_API_KEY_FILE": str(file), "ROARK_API_KEY": "variable"}
    settings = Settings.from_env(environ)

    assert settings.api_key == SecretStr("variable")
    assert settings.with_arguments(api_key_file=file).api_key == SecretStr(KEY)
    assert settings.with_arguments(api_key="argument", api_key_file=file).api_key == SecretStr("argument")


@pytest.mark.parametrize(
    "content", [None, b"", b" \n", b"\xff\xfe", b"two keys", b"rk_live\nsecond line", b"ROARK_API_KEY=rk_live"]
)
def test_an_invalid_key_file(tmp_path: Path, said: pytest.LogCaptureFixture, content: bytes | None) -> None:
    """From the environment it gives one warning and no key, in code a ValueError; neither quotes the file."""
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    found = Settings.from_env({"ROARK_API_KEY_FILE": str(file)})
    with pytest.raises(ValueError, match=r"^roark_otel: api_key_file: ") as caught:
        RoarkSpanProcessor(api_key_file=file)

    assert (found.api_key, found.api_key_file) == (None, None)
    (record,) = said.records
    assert "ROARK_API_KEY_FILE" in record.getMessage()
    for message in (record.getMessage(), str(caught.value)):
        assert "rk_live" not in message
        assert "two" not in message


# Where calls wait


def test_a_path_stays_what_it_was_wherever_the_process_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell has read a variable of an `.env` file, and a daemon changes its directory."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "key").write_text(KEY)
    (tmp_path / "key").write_text(KEY)
    found = {
        path: Settings.from_env({"ROARK_SPOOL_DIR": f"{path}spool", "ROARK_API_KEY_FILE": f"{path}key"})
        for path in ("~/", "./", "", "/nowhere/../")
    }
    monkeypatch.chdir("/")

    assert found["~/"].spool_dir == tmp_path / "home" / "spool"
    assert found["./"].spool_dir == found[""].spool_dir == tmp_path / "spool"
    assert found["/nowhere/../"].spool_dir == Path("/nowhere/../spool")
    assert found["~/"].api_key_file == tmp_path / "home" / "key"
    assert [one.api_key for one in found.values()][:3] == [SecretStr(KEY)] * 3
    assert found[""].with_arguments(spool_dir="~/other").spool_dir == tmp_path / "home" / "other"


def test_a_relative_path_where_there_is_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A current directory that was removed costs no exception."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert Settings.from_env({"ROARK_SPOOL_DIR": "spool"}).spool_dir == Path("spool")


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"XDG_STATE_HOME": "/state"}, Path("/state/roark-otel/spool")),
        ("linux", {}, Path("/home/example/.local/state/roark-otel/spool")),
        ("linux", {"XDG_STATE_HOME": ""}, Path("/home/example/.local/state/roark-otel/spool")),
        ("darwin", {}, Path("/home/example/Library/Application Support/roark-otel/spool")),
        ("win32", {"LOCALAPPDATA": "/local"}, Path("/local/roark-otel/spool")),
    ],
)
def test_the_default_spool_is_in_the_users_state_directory(
    platform: str, environ: Mapping[str, str], expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv("HOME", "/home/example")

    assert default_spool_dir(environ) == expected
