"""Bad input, of spans, of the environment and of arguments.

Of a span: a warning names the span and the attribute, at most once a minute, and never quotes the value; everything
else of the call arrives. Of the environment: a warning, and the default. In code: a ValueError of one line.
"""

from __future__ import annotations

import itertools
import json
import logging
import math
import uuid
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import SpanLimits

from roark_otel import RoarkSpanProcessor, Settings
from roark_otel._model.sizes import MAX_RESULT
from roark_otel.sandbox import Sandbox
from support.helpers import ID, KEY, MS, RECORDING, T0, TAKES_ANY_VALUE, App, agent_said, by_id, customer_said, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from opentelemetry.trace import Span

SECRET = "hush-17"  # noqa: S105 - a word to look for
"""Part of bad values; it must be in no log."""

NUMBERS = itertools.count()
"""Makes ids of calls."""

ROOT = "the call"
GOOD = ["Hello?", "Hello."]


@pytest.fixture(scope="module", name="shared")
def _shared() -> Iterator[Sandbox]:
    """One sandbox for tests that look at the calls of their own ids only."""
    with Sandbox() as sandbox:
        yield sandbox


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"secret": SECRET}
    for _ in range(depth):
        value = {"in": value}
    return value


def warnings_of(said: pytest.LogCaptureFixture) -> list[str]:
    """Returns the warnings of this package; the SDK has its own."""
    return [one.message for one in said.records if one.name == "roark_otel" and one.levelno >= logging.WARNING]


@dataclass(frozen=True)
class Bad:
    """A row: what is wrong, and the attribute that the warning names; None if there is no warning."""

    name: str
    do: Callable[[Span], object]
    warns: str | None
    check: Callable[[dict[str, Any]], object] = field(default=lambda _: True)
    any_value: bool = False
    """Returns whether the SDK before 1.45 drops such a value itself, or makes text of it."""


def attribute(key: str, value: object, *, why: str = "", any_value: bool = False, warns: bool = True) -> Bad:
    named = f"{key}={why or repr(value)[:30]}"
    return Bad(named, lambda span: span.set_attribute(key, value), key if warns else None, any_value=any_value)  # type: ignore[arg-type]


def utterance(key: str, value: object, *, why: str = "", any_value: bool = False, event: str = "transcript") -> Bad:
    base = {"role": "customer", "text": "One more."} if event == "transcript" else {"name": "lookup"}
    attributes: Any = {name: one for name, one in {**base, key: value}.items() if one is not ...}
    return Bad(
        f"{event}.{key}={why or repr(value)[:30]}",
        lambda span: span.add_event(f"roark.{event}", attributes),
        f"roark.{event} {key}",
        any_value=any_value,
    )


def tool(key: str, value: object, **more: Any) -> Bad:
    return utterance(key, value, event="tool_invocation", **more)


def said_at(timestamp: object, *, warns: bool = True) -> Bad:
    return Bad(
        f"timestamp={timestamp!r:.30}",
        lambda span: span.add_event("roark.transcript", {"role": "agent", "text": "When?"}, timestamp),  # type: ignore[arg-type]
        "roark.transcript timestamp" if warns else None,
        lambda call: "When?" in words(call),
    )


SURROGATE = f"{SECRET} \ud800"
DEEP_JSON = json.dumps(nested(200))

ATTRIBUTES = [
    attribute("roark.recording_url", SECRET),
    attribute("roark.recording_url", 17),
    attribute("roark.recording_url", f"ftp://example.com/{SECRET}"),
    attribute("roark.recording_url", f"https://example.com/{SECRET} \ud800", why="surrogate"),
    attribute("roark.stereo_recording_url", f"https:// {SECRET}"),
    attribute("roark.interface_type", SECRET),
    attribute("roark.interface_type", 3),
    attribute("roark.interface_type", ["PHONE"]),
    attribute("roark.call_direction", SECRET),
    attribute("roark.ended_status", SECRET),
    attribute("roark.ended_status", math.nan),
    attribute("roark.skip", SECRET),
    attribute("roark.skip", 7),
    attribute("roark.conversation.root", SECRET),
    attribute("roark.started_at", "2026-01-31T09:30:00", why="naive"),
    attribute("roark.started_at", SECRET),
    attribute("roark.started_at", 1_795_348_364),
    attribute("roark.started_at", "0001-01-01T00:00:00+00:00"),
    attribute("roark.started_at", "0001-01-01T00:00:00+14:00"),
    attribute("roark.started_at", "9999-12-31T23:59:59-14:00"),
    attribute("roark.started_at", "2026-13-32T25:61:61Z"),
    attribute("roark.agent.name", 17),
    attribute("roark.agent.name", ["Ada", "Eve"]),
    attribute("roark.agent.custom_id", 17),
    attribute("roark.agent.roark_id", True),
    attribute("roark.agent.prompt", 1.5),
    attribute("roark.customer.phone_number", SECRET),
    attribute("roark.customer.phone_number", 15_550_100),
    attribute("roark.customer.label", 17),
    attribute("roark.livekit_room_id", 17),
    attribute("roark.vapi_call_id", False),
    attribute("roark.property.score", math.nan),
    attribute("roark.property.score", math.inf),
    attribute("roark.property.score", -math.inf),
    attribute("roark.property.note", SURROGATE, why="surrogate"),
    attribute("roark.agent.name", SURROGATE, why="surrogate"),
    attribute("roark.property.blob", b"\xff\x00hush-17", any_value=True),
    attribute("roark.recording_url", b"\xff\x00hush-17", any_value=True),
    attribute("roark.agent.name", b"\xff\x00hush-17", any_value=True),
    attribute("roark.property.tree", nested(200), why="deep", any_value=True),
    attribute("roark.property.list", [math.nan, SURROGATE], why="list", any_value=True),
    attribute("roark.property.object", {"a": {"b": math.inf}}, any_value=True),
    attribute("roark.agent.name", None, any_value=True, warns=False),
    attribute("roark.property.none", None, any_value=True, warns=False),
    attribute("app.blob", b"\xff\x00", any_value=True, warns=False),
    attribute("app.surrogate", SURROGATE, why="surrogate", warns=False),
]

EVENTS = [
    utterance("role", SECRET),
    utterance("role", ...),
    utterance("role", 17),
    utterance("role", ["agent"]),
    utterance("text", ...),
    utterance("text", 17),
    utterance("text", "  "),
    utterance("text", b"\xff\x00hush-17", any_value=True),
    utterance("text", SURROGATE, why="surrogate"),
    utterance("payload", f'{{"broken": "{SECRET}'),
    utterance("payload", f'["{SECRET}"]'),
    utterance("payload", 17),
    utterance("payload", '{"score": NaN}'),
    utterance("payload", DEEP_JSON, why="deep JSON"),
    utterance("payload", "[" * 100_000, why="too deep to parse"),
    utterance("payload", nested(200), why="deep", any_value=True),
    utterance("duration_ms", -1),
    utterance("duration_ms", SECRET),
    utterance("duration_ms", math.nan),
    utterance("duration_ms", math.inf),
    utterance("duration_ms", 10**30),
    utterance("duration_ms", True),
    utterance("language_code", 17),
    utterance("interrupted", SECRET),
    utterance("customer.label", 17),
    utterance("customer.phone_number", SECRET),
    tool("name", ...),
    tool("name", 17),
    tool("id", ["17"]),
    tool("parameters", f'{{"broken": "{SECRET}'),
    tool("parameters", f'["{SECRET}"]'),
    tool("parameters", "17"),
    tool("parameters", math.nan),
    tool("parameters", nested(200), why="deep", any_value=True),
    tool("parameters", {"raw": b"\xff\x00hush-17"}, any_value=True),
    tool("result", math.inf),
    tool("result", SURROGATE, why="surrogate"),
    tool("result", DEEP_JSON, why="deep JSON"),
    tool("result", b"\xff\x00hush-17", any_value=True),
    tool("duration_ms", f"{SECRET} ms"),
    tool("description", 17),
    tool("agent.custom_id", 17),
    Bad(
        "result without a name or an id",
        lambda span: span.add_event("roark.tool_result", {"result": SECRET}),
        "roark.tool_result name",
    ),
]

TIMES = [
    said_at(-1),
    said_at(10**30),
    said_at(math.nan),
    said_at(math.inf),
    said_at(SECRET),
    said_at(True),
    said_at(None, warns=False),
    said_at(float(T0), warns=False),
    said_at(1_795_348_364.5),
    said_at(0),
]


def name_event(name: Any, span: Span) -> None:
    span.add_event(name)


def name_span(name: Any, span: Span) -> None:
    span.update_name(name)


NAMES = [
    Bad(f"event name {name!r}", partial(name_event, name), None)
    for name in (None, 17, ["a"], {"a": 1}, b"\xff", SURROGATE, "", "roark.", "roark.unknown")
] + [Bad(f"span name {name!r}", partial(name_span, name), None) for name in (None, 17, ["a"], SURROGATE, "")]


@pytest.mark.parametrize("bad", [*ATTRIBUTES, *EVENTS, *TIMES, *NAMES], ids=lambda bad: bad.name)
def test_bad_value_on_a_span(shared: Sandbox, said: pytest.LogCaptureFixture, bad: Bad) -> None:
    """One warning gives its name and not its value, and the rest of the call is as it would be."""
    app = App(shared.url)
    ids = [f"bad {next(NUMBERS)}" for _ in range(2)]
    for external_id in ids:
        with app.tracer.start_as_current_span(ROOT, attributes={ID: external_id}) as root:
            customer_said(root, GOOD[0])
            bad.do(root)
            agent_said(root, GOOD[1])
    assert app.processor.force_flush()
    calls = by_id(shared.calls())
    for external_id in ids:
        assert [text for text in words(calls[external_id]) if text in GOOD] == GOOD
        assert bad.check(calls[external_id])
    warnings = warnings_of(said)
    if bad.warns is None:
        assert warnings == []
    elif bad.any_value and not TAKES_ANY_VALUE:
        assert len(warnings) <= 1  # the SDK dropped the value, or made text of it
    else:
        assert len(warnings) == 1
        assert bad.warns in warnings[0]
        assert ROOT in warnings[0]
    assert SECRET not in said.text


BAD_IDS = {
    "empty": "",
    "blank": "  ",
    "number": 17,
    "bool": True,
    "list": ["call-1", SECRET],
    "too long": SECRET + "x" * 255,
    "surrogate": SURROGATE,
    "nan": math.nan,
}


@pytest.mark.parametrize("where", ["start", "end", "child", "context", "resource"])
@pytest.mark.parametrize("bad", BAD_IDS.values(), ids=BAD_IDS)
def test_bad_external_id(shared: Sandbox, said: pytest.LogCaptureFixture, bad: Any, where: str) -> None:
    """An invalid id is reported and ignored: a valid one elsewhere in the trace still names the call."""
    app = App(shared.url, resource={ID: bad} if where == "resource" else None)
    good = f"good {uuid.uuid4()}"
    with app.tracer.start_as_current_span(ROOT, attributes={ID: bad} if where == "start" else None) as root:
        customer_said(root, GOOD[0])
        with app.tracer.start_as_current_span("named", attributes={ID: good}) as named:
            agent_said(named, GOOD[1])
            if where == "child":
                app.tracer.start_span("child", attributes={ID: bad}).end()
        if where == "end":
            root.set_attribute(ID, bad)
    assert app.processor.force_flush()
    assert words(by_id(shared.calls())[good]) == GOOD
    warnings = warnings_of(said)
    if where in {"start", "end", "child"}:
        assert len(warnings) == 1
        assert "external id" in warnings[0]
        assert ("child" if where == "child" else ROOT) in warnings[0]
    assert SECRET not in said.text


def test_longest_external_id(shared: Sandbox) -> None:
    """255 characters are an id, whatever the characters."""
    app = App(shared.url)
    ids = ["a" * 255, "é" * 255, "../../etc/passwd", "a b\tc", "\u202eabc", "\x00"]
    for external_id in ids:
        app.conversation(external_id, "Hello?")
    assert app.processor.force_flush()
    assert set(ids) <= set(by_id(shared.calls()))


START_TIMES = [float(T0), T0 + 0.5, -1, 0, 10**30, 4_102_444_800_000_000_001, math.nan, math.inf, "soon", True]


@pytest.mark.parametrize("start", START_TIMES)
def test_bad_start_of_a_span(shared: Sandbox, start: Any) -> None:
    """The SDK checks no times: a span with an impossible start still makes its call."""
    app = App(shared.url)
    external_id = f"started {start!r}"
    root = app.tracer.start_span(ROOT, attributes={ID: external_id}, start_time=start)
    customer_said(root, GOOD[0], T0)
    agent_said(root, GOOD[1], T0 + 1_000 * MS)
    root.end()
    assert app.processor.force_flush()
    assert words(by_id(shared.calls())[external_id]) == GOOD


@pytest.mark.parametrize("end", [*START_TIMES, T0 - 1])
def test_bad_end_of_a_span(shared: Sandbox, end: Any) -> None:
    """So does one with an impossible end."""
    app = App(shared.url)
    external_id = f"ended {end!r}"
    root = app.tracer.start_span(ROOT, attributes={ID: external_id}, start_time=T0)
    customer_said(root, GOOD[0], T0)
    agent_said(root, GOOD[1], T0 + 1_000 * MS)
    root.end(end)
    assert app.processor.force_flush()
    call = by_id(shared.calls())[external_id]
    assert words(call) == GOOD
    assert all(0 <= entry["startOffsetMs"] <= entry["endOffsetMs"] for entry in call["transcript"])


def test_seconds_for_nanoseconds(shared: Sandbox) -> None:
    """Events in seconds would be decades before the call: they are read as seconds."""
    app = App(shared.url)
    root = app.tracer.start_span(ROOT, attributes={ID: "seconds"}, start_time=T0)
    customer_said(root, GOOD[0], T0 // 1_000_000_000)
    agent_said(root, GOOD[1], T0 + MS)
    root.end(T0 + 2 * MS)
    assert app.processor.force_flush()
    call = by_id(shared.calls())["seconds"]
    assert (words(call), call["transcript"][0]["startOffsetMs"]) == (GOOD, 0)
    assert "roark_clamped" not in call["properties"]


def test_parameters_that_are_not_an_object(shared: Sandbox) -> None:
    """What the model said is kept, where Roark takes only an object."""
    app = App(shared.url)
    with app.tracer.start_as_current_span(ROOT, attributes={ID: "parameters"}) as root:
        for parameters in ("[1, 2]", "{broken", '{"a": NaN}'):
            root.add_event("roark.tool_invocation", {"name": "lookup", "parameters": parameters})
    assert app.processor.force_flush()
    sent = [use["parameters"] for use in by_id(shared.calls())["parameters"]["toolInvocations"]]
    assert sent[0] in ({"unparsed": [1, 2]}, {"unparsed": "[1, 2]"})
    assert sent[1:] == [{"unparsed": "{broken"}, {"a": None}]


# Size


@pytest.mark.parametrize("spans", [1, 100])
def test_ten_thousand_entries(shared: Sandbox, spans: int) -> None:
    """A call of half a day arrives whole, from one span or many."""
    limits = {"span_limits": SpanLimits(max_events=10_000)}
    app = App(shared.url, provider=limits, http_timeout_seconds=60)
    external_id = f"ten thousand from {spans}"
    each = 10_000 // spans
    with app.tracer.start_as_current_span(ROOT, attributes={ID: external_id}):
        for number in range(spans):
            with app.tracer.start_as_current_span("turn") as turn:
                for index in range(each):
                    customer_said(turn, f"{number * each + index}", T0 + (number * each + index) * MS)
    assert app.processor.force_flush(240_000)
    assert words(by_id(shared.calls())[external_id]) == [str(number) for number in range(10_000)]


@pytest.mark.parametrize("kind", ["text", "json"])
def test_result_of_five_megabytes(shared: Sandbox, kind: str) -> None:
    """It is cut with a mark that says how long it was; the rest of the call is as ever."""
    app = App(shared.url)
    external_id = f"five megabytes of {kind}"
    result = "x" * 5_000_000 if kind == "text" else json.dumps({"rows": ["x" * 50] * 100_000})
    with app.tracer.start_as_current_span(ROOT, attributes={ID: external_id}) as root:
        customer_said(root, GOOD[0])
        root.add_event("roark.tool_invocation", {"name": "lookup", "parameters": '{"a": 1}', "result": result})
    assert app.processor.force_flush()
    call = by_id(shared.calls())[external_id]
    (use,) = call["toolInvocations"]
    assert (words(call), use["name"], use["parameters"]) == (GOOD[:1], "lookup", {"a": 1})
    assert len(use["result"]) == MAX_RESULT
    assert "… [cut, 5" in use["result"]


@pytest.mark.parametrize("key", ["roark.agent.name", "roark.agent.prompt", "roark.customer.label", "roark.property.x"])
def test_too_long_attribute(shared: Sandbox, key: str) -> None:
    """It is cut with a mark as well."""
    app = App(shared.url)
    app.conversation(f"long {key}", GOOD[0], **{key: "x" * 1_000_000, "roark.agent.custom_id": "agent-1"})
    assert app.processor.force_flush()
    call = by_id(shared.calls())[f"long {key}"]
    assert words(call) == GOOD[:1]
    assert "… [cut, 1000000 characters]" in json.dumps(call, ensure_ascii=False)


# Content


CONTENT = {
    "words": lambda span: customer_said(span, SECRET, payload=json.dumps({"a": SECRET})),
    "tool": lambda span: span.add_event(
        "roark.tool_invocation",
        {"name": "lookup", "parameters": json.dumps({"a": SECRET}), "result": SECRET, "description": SECRET},
    ),
    "broken tool": lambda span: span.add_event(
        "roark.tool_invocation", {"name": "lookup", "parameters": f"{{{SECRET}", "error": SECRET}
    ),
    "halves": lambda span: [
        span.add_event("roark.tool_call", {"name": "lookup", "id": "1", "parameters": f'{{"a": "{SECRET}"}}'}),
        span.add_event("roark.tool_result", {"id": "1", "result": f'{{"a": "{SECRET}"}}'}),
    ],
    "prompt": lambda span: span.set_attributes(
        {"roark.agent.name": "Ada", "roark.agent.prompt": SECRET, "roark.agent.description": SECRET}
    ),
    "exception": lambda span: span.record_exception(ValueError(SECRET)),
}


def without_content(url: str, switch: str, monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> App:
    match switch:
        case "argument":
            return App(url, capture_content=False, **arguments)
        case "genai":
            monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "NO_CONTENT")
        case "genai false":
            monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "False")
        case _:
            monkeypatch.setenv("ROARK_CAPTURE_CONTENT", switch)
    return App(url, **arguments)


SWITCHES = ["argument", "genai", "genai false", "false", "off", "0", "perhaps", "tru"]


@pytest.mark.parametrize("switch", SWITCHES)
def test_content_off(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture, switch: str, tmp_path: Path
) -> None:
    """No word, argument or result is in the request, in the spool or in a log; names and times are."""
    app = without_content(sandbox.url, switch, monkeypatch)
    waiting = App(
        sandbox.url, recording_url=None, api_key="other", capture_content=app.processor._settings.capture_content
    )
    for one, external_id in ((app, "sent"), (waiting, "spooled")):
        with one.tracer.start_as_current_span(ROOT, attributes={ID: external_id}) as root:
            for do in CONTENT.values():
                do(root)
        assert one.processor.force_flush()
    (call,) = sandbox.calls()
    assert "transcript" not in call
    assert [(use["name"], use["parameters"], use["result"]) for use in call["toolInvocations"]] == [
        ("lookup", {}, "")
    ] * 3
    assert all("startOffsetMs" in use for use in call["toolInvocations"])
    assert call["agent"] == {"name": "Ada"}
    spooled = [path.read_text() for path in (tmp_path / "spool").rglob("*.jsonl")]
    assert len(spooled) == 1
    assert '"spooled"' in spooled[0]
    assert SECRET not in json.dumps([call, spooled])
    assert SECRET not in said.text


def test_content_is_on_unless_it_is_turned_off(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenTelemetry's switch for content can turn it off here, and never on."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    app = App(sandbox.url)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]


def test_unreadable_privacy_switch_is_reported(said: pytest.LogCaptureFixture) -> None:
    """An unreadable privacy switch counts as private, and the warning says so."""
    assert Settings.from_env({"ROARK_CAPTURE_CONTENT": SECRET}).capture_content is False
    (warning,) = warnings_of(said)
    assert "ROARK_CAPTURE_CONTENT" in warning
    assert "content stays off" in warning
    assert SECRET not in warning


# Environment and arguments

BAD_VARIABLES = [
    ("ROARK_API_KEY", f"two {SECRET}", "api_key"),
    ("ROARK_API_BEARER_TOKEN", f"ü{SECRET}", "api_key"),
    ("ROARK_BASE_URL", f"http://roark.example.com/{SECRET}", "base_url"),
    ("ROARK_BASE_URL", SECRET, "base_url"),
    ("ROARK_BASE_URL", f"https://[{SECRET}", "base_url"),
    ("ROARK_OBSERVABILITY_ENABLED", SECRET, "enabled"),
    ("ROARK_INTERFACE_TYPE", SECRET, "interface_type"),
    ("ROARK_CALL_DIRECTION", SECRET, "call_direction"),
    ("ROARK_RECORDING_URL_TEMPLATE", f"https://{SECRET}.example.com/{{nobody}}", "recording_url_template"),
    ("ROARK_RECORDING_URL_TEMPLATE", f"https://example.com/{SECRET}{{", "recording_url_template"),
    *((name, f"{SECRET}", setting) for name, setting in [
        ("ROARK_LINGER_SECONDS", "linger_seconds"),
        ("ROARK_QUIET_SECONDS", "quiet_seconds"),
        ("ROARK_IDLE_TIMEOUT_SECONDS", "idle_timeout_seconds"),
        ("ROARK_MAX_CONVERSATIONS", "max_conversations"),
        ("ROARK_EXIT_TIMEOUT_SECONDS", "exit_timeout_seconds"),
        ("ROARK_HTTP_TIMEOUT_SECONDS", "http_timeout_seconds"),
    ]),
    ("ROARK_LINGER_SECONDS", "-1", "linger_seconds"),
    ("ROARK_LINGER_SECONDS", "nan", "linger_seconds"),
    ("ROARK_QUIET_SECONDS", "inf", "quiet_seconds"),
    ("ROARK_QUIET_SECONDS", "1e999", "quiet_seconds"),
    ("ROARK_IDLE_TIMEOUT_SECONDS", "0", "idle_timeout_seconds"),
    ("ROARK_MAX_CONVERSATIONS", "0", "max_conversations"),
    ("ROARK_MAX_CONVERSATIONS", "1.5", "max_conversations"),
    ("ROARK_HTTP_TIMEOUT_SECONDS", "0", "http_timeout_seconds"),
]  # fmt: skip

CLOSED: dict[str, object] = {"base_url": "", "enabled": False}
"""The settings of these that close: what holds where their variable cannot be read."""


@pytest.mark.parametrize(("name", "value", "setting"), BAD_VARIABLES)
def test_bad_variable(said: pytest.LogCaptureFixture, name: str, value: str, setting: str) -> None:
    """One line names the variable and what holds, and not the value; the other variables still apply."""
    good = {"ROARK_AGENT_NAME": "Ada", "ROARK_PROJECT_ID": "project-1"}
    for _ in range(3):
        settings = Settings.from_env({**good, name: value})
        assert getattr(settings, setting) == CLOSED.get(setting, getattr(Settings.from_env({}), setting))
        assert (settings.agent_name, settings.project_id) == ("Ada", "project-1")
    (warning,) = warnings_of(said)
    assert name in warning
    assert "\n" not in warning
    assert SECRET not in warning


def test_every_variable_bad_at_once(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says, construction raises nothing, and calls are made."""
    for name, value, setting in BAD_VARIABLES:
        if setting not in {"api_key", *CLOSED}:
            monkeypatch.setenv(name, value)
    app = App(sandbox.url)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"]


@pytest.mark.parametrize("empty", ["", " ", "\t"])
def test_empty_variable_is_unset(said: pytest.LogCaptureFixture, empty: str) -> None:
    """As the OpenTelemetry specification says: no value, no warning."""
    from roark_otel._settings.environment import GENAI_CAPTURE_CONTENT
    from roark_otel._settings.settings import VARIABLES

    assert Settings.from_env(dict.fromkeys([*VARIABLES, GENAI_CAPTURE_CONTENT], empty)) == Settings.from_env({})
    assert warnings_of(said) == []


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("ROARK_LINGER_SECOND", "ROARK_LINGER_SECONDS"),
        ("ROARK_APIKEY", "ROARK_API_KEY"),
        ("ROARK_CAPTURE_CONTENTS", "ROARK_CAPTURE_CONTENT"),
        ("ROARK_BASEURL", "ROARK_BASE_URL"),
    ],
)
def test_unknown_variable(said: pytest.LogCaptureFixture, wrong: str, near: str) -> None:
    """One line gives an unknown name like ours and the nearest known one, and never its value.

    It is an error where a setting with that name could have kept something back.
    """
    for _ in range(3):
        Settings.from_env({wrong: SECRET})
    (warning,) = warnings_of(said)
    assert wrong in warning
    assert f"nearest: {near}" in warning
    assert SECRET not in warning
    assert (said.records[-1].levelno == logging.ERROR) == (near != "ROARK_LINGER_SECONDS")


def test_spans_that_keep_no_events_are_reported(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """A limit of no events leaves a call that the app describes by events without a word."""
    app = App(sandbox.url, provider={"span_limits": SpanLimits(max_events=0)})
    for number in range(2):
        app.conversation(f"call-{number}", "Hello?")
    assert app.processor.force_flush()
    (warning,) = warnings_of(said)
    assert "OTEL_SPAN_EVENT_COUNT_LIMIT" in warning


@pytest.mark.parametrize(
    ("options", "content"),
    [({}, "on"), ({"redact_patterns": ["card"]}, "redacted"), ({"capture_content": False}, "off")],
)
def test_the_first_line_says_what_becomes_of_words(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, options: dict[str, Any], content: str
) -> None:
    caplog.set_level(logging.INFO, "roark_otel")
    app = App(sandbox.url, **options)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert [one.message for one in caplog.records if f" content={content} " in one.message]


BAD_ARGUMENTS: list[Mapping[str, Any]] = [
    {"api_key": ""},
    {"api_key": f"two {SECRET}"},
    {"api_key": f"{SECRET}\n"},
    {"api_key": f"ü{SECRET}"},
    {"api_key": 17},
    {"base_url": f"http://roark.example.com/{SECRET}"},
    {"base_url": f"{SECRET}"},
    {"base_url": f"https://[{SECRET}"},
    {"base_url": f"https://example.com:{SECRET}"},
    {"project_id": 17},
    {"project_id": f"two\n{SECRET}"},
    {"spool_dir": 17},
    {"recording_url": f"{SECRET}.wav"},
    {"recording_url": f"ftp://example.com/{SECRET}.wav"},
    {"recording_url_template": f"https://{SECRET}.example.com/{{nobody}}"},
    {"recording_url_template": f"https://example.com/{SECRET}{{"},
    {"recording_url_template": 17},
    {"agent_name": 17},
    {"agent_custom_id": 17},
    {"interface_type": SECRET},
    {"call_direction": SECRET},
    {"capture_content": SECRET},
    {"external_id_keys": 17},
    {"external_id_keys": [17]},
    {"linger_seconds": -1},
    {"linger_seconds": math.nan},
    {"quiet_seconds": math.inf},
    {"quiet_seconds": SECRET},
    {"idle_timeout_seconds": 0},
    {"max_conversations": 0},
    {"max_conversations": 1.5},
    {"exit_timeout_seconds": -1},
    {"http_timeout_seconds": 0},
]


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS, ids=str)
def test_bad_argument(arguments: dict[str, Any]) -> None:
    """A ValueError in one line, which names the argument and does not quote the value."""
    (name,) = arguments
    with pytest.raises(ValueError, match=rf"^roark_otel: {name}\b") as raised:
        RoarkSpanProcessor(**{"api_key": KEY, "recording_url": RECORDING, **arguments})
    assert "\n" not in str(raised.value)
    assert SECRET not in str(raised.value)


def test_two_bad_arguments() -> None:
    """Both are named, still in one line."""
    with pytest.raises(ValueError, match=r"^roark_otel: linger_seconds: .+; max_conversations: .+$"):
        RoarkSpanProcessor(api_key=KEY, linger_seconds=-1, max_conversations=0)


def test_argument_wins_over_settings_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument, settings, environment, default: in this order."""
    monkeypatch.setenv("ROARK_AGENT_NAME", "environment")
    monkeypatch.setenv("ROARK_LINGER_SECONDS", "7")
    monkeypatch.setenv("ROARK_QUIET_SECONDS", "7")

    def settings_of(**arguments: Any) -> Settings:
        return RoarkSpanProcessor(api_key=KEY, recording_url=RECORDING, **arguments)._settings

    assert settings_of().linger_seconds == 7
    assert settings_of(linger_seconds=3).linger_seconds == 3
    assert settings_of(settings=Settings(linger_seconds=5)).linger_seconds == 5
    assert settings_of(settings=Settings(linger_seconds=5), linger_seconds=3).linger_seconds == 3
    assert settings_of(settings=Settings()).quiet_seconds == 60


def test_key_is_in_no_text(said: pytest.LogCaptureFixture, sandbox: Sandbox) -> None:
    """Neither logs nor representations show the key."""
    app = App(sandbox.url, api_key=SECRET)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    assert SECRET not in said.text
    assert SECRET not in repr(app.processor._settings) + str(app.processor._settings)


def test_a_service_name_that_is_not_unicode_costs_a_character_and_not_the_call(sandbox: Sandbox) -> None:
    """`OTEL_SERVICE_NAME` in Latin-1 becomes a lone surrogate, which no JSON and no URL can carry."""
    template = "https://example.com/{service_name}/{external_id}.wav"
    app = App(sandbox.url, resource={"service.name": "caf\udce9"}, recording_url=None, recording_url_template=template)
    app.conversation("call-1", "Hello.", **{"roark.conversation.root": True})

    assert app.processor.force_flush(240_000)
    (call,) = sandbox.calls()
    assert call["properties"]["service_name"] == "caf\ufffd"
    assert call["recordingUrl"] == "https://example.com/caf%EF%BF%BD/call-1.wav"
