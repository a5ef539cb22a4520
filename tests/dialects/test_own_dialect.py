"""A dialect is a folder: everything that the package knows of a source of spans comes with its dialect.

The one here lies outside the package, as an app's own does, and reads the spans of a made-up framework. Nothing else in
the package knows either of them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider

from roark_otel import RoarkSpanProcessor
from roark_otel._setup.providers import Following, processors_of, set_in_frameworks
from roark_otel.dialects import DIALECTS
from support.answering import AnsweringServer
from support.helpers import KEY, RECORDING, App

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    from roark_otel.sandbox import Sandbox
    from roark_otel.types import Dialect

DIALECT = '''
"""Spans of a made-up switchboard: `speech` and `action` below `phone_call`."""

from roark_otel.types import Agent, Words, Customer, Dialect, Fact, Harmless, Returned, ToolUse, Utterance


class SwitchboardReader:
    def __init__(self, warn):
        self.said = []
        self.seen = seen

    def read(self, span):
        if span.scope != "switchboard" or span.end_ns is None:
            return
        seen.append(span)
        get = span.attributes.get
        if span.name == "speech":
            speaker = Agent() if get("sb.by") == "robot" else Customer()
            self.said.append(Utterance(speaker, get("sb.speech.wording"), span.start_ns, span.end_ns))
        elif span.name == "action":
            outcome = Returned(get("sb.outcome"))
            self.said.append(ToolUse(get("sb.verb"), span.start_ns, span.end_ns, outcome=outcome))
        elif span.name == "phone_call":
            self.said.append(Fact("property.framework", "switchboard", 1, 1))
            self.said.append(Fact("property.topic", get("sb.topic"), 1, 1))

    def moments(self):
        return self.said


seen = []

SWITCHBOARD = Dialect(
    name="switchboard",
    reader=SwitchboardReader,
    scopes=frozenset({"switchboard"}),
    roots=frozenset({"phone_call"}),
    words=Words(
        names=frozenset({"wording", "topic"}),
        whole=frozenset({"outcome"}),
        structure=frozenset({"channel"}),
        states=frozenset({"CONNECTING"}),
    ),
    harmless=Harmless(
        names=frozenset({"sb.verb"}),
        numbers=("sb.",),
        private_numbers=("sb.caller.",),
    ),
    distributions={"switchboard": "switchboard-sdk"},
    setters=(("switchboard_sdk.telemetry", "use_provider"), ("switchboard_sdk", "use_provider")),
)
'''

FRAMEWORK = '''
"""The switchboard's own tracing."""

providers = []


def use_provider(provider):
    providers.append(provider)
'''


@pytest.fixture(name="switchboard")
def _switchboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of the dialect; the framework that it reads is installed, and not imported yet."""
    files = {
        "switchboard_dialect/__init__.py": DIALECT,
        "switchboard_sdk/__init__.py": "from switchboard_sdk.telemetry import use_provider",
        "switchboard_sdk/telemetry.py": FRAMEWORK,
        "switchboard_sdk-4.2.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: switchboard-sdk\nVersion: 4.2.0\n",
    }
    for name, text in files.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield import_module("switchboard_dialect")
    for name in [name for name in sys.modules if name.startswith("switchboard_")]:
        del sys.modules[name]


@pytest.fixture(name="dialects")
def _dialects(switchboard: Any) -> list[Dialect]:
    return [switchboard.SWITCHBOARD, *DIALECTS]


def phone_call(app: App) -> None:
    """One call on the switchboard, whose private words are all called Robin and whose private numbers are all 4711."""
    tracer = app.provider.get_tracer("switchboard")
    root: dict[str, Any] = {"roark.external_id": "call-1", "sb.topic": "Robin", "sb.lines": 3, "sb.caller.number": 4711}
    with tracer.start_as_current_span("phone_call", attributes=root):
        words = {"sb.by": "caller", "sb.speech.wording": '{"text": "Robin here", "channel": "left"}'}
        tracer.start_span("speech", attributes=words).end()
        outcome = '{"number": 4711, "channel": "Robin"}'
        tracer.start_span("action", attributes={"sb.verb": "look_up", "sb.outcome": outcome}).end()
        tracer.start_span("action", attributes={"sb.verb": "transfer", "sb.outcome": "CONNECTING"}).end()


def test_its_conversation_becomes_a_call_with_the_version_of_its_framework(
    sandbox: Sandbox, dialects: list[Dialect]
) -> None:
    app = App(sandbox.url, dialects=dialects)
    phone_call(app)

    assert app.provider.force_flush()
    body = sandbox.call("call-1").body
    assert [use["name"] for use in body["toolInvocations"]] == ["look_up", "transfer"]
    assert body["properties"]["framework"] == "switchboard"
    assert body["properties"]["framework_version"] == "4.2.0"
    assert body["properties"]["topic"] == "Robin"


def test_its_content_is_masked_where_content_is_off(
    sandbox: Sandbox, dialects: list[Dialect], switchboard: Any
) -> None:
    app = App(sandbox.url, dialects=dialects, capture_content=False)
    phone_call(app)

    assert app.provider.force_flush()
    assert "Robin" not in str(sandbox.call("call-1").body)
    # Its own reader has no word either, so that none is kept while the call lasts.
    values = [str(value) for span in switchboard.seen for value in span.attributes.values()]
    assert [text for text in values if "Robin" in text] == []
    assert [text for text in values if "left" in text] != []  # structure
    assert [text for text in values if "4711" in text] == ["4711"]  # an attribute that is a number; not the outcome's
    assert "CONNECTING" in values


def test_its_harmless_attributes_are_exported_where_content_is_off(dialects: list[Dialect]) -> None:
    with AnsweringServer() as roark:
        app = App(roark.url, dialects=dialects, capture_content=False, export_traces=True)
        phone_call(app)
        assert app.provider.force_flush()
        assert app.processor._traces is not None
        app.processor._traces.shutdown()  # its thread ends with this test
        bodies = [seen.body for seen in roark.seen if seen.path == "/v1/traces"]

    exported: set[str] = set()
    for body in bodies:
        request: Any = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                exported |= {attribute.key for span in scope.spans for attribute in span.attributes}
        assert b"Robin" not in body
    assert exported == {"roark.external_id", "sb.verb", "sb.lines"}


def processor() -> RoarkSpanProcessor:
    return RoarkSpanProcessor(api_key=KEY, base_url="http://127.0.0.1:9", recording_url=RECORDING)


def when_imported(name: str, then: Callable[[ModuleType], None]) -> None:
    """Calls `then` with a module of the framework, at once; leaves OpenTelemetry's own as it is for other tests."""
    if name.startswith("switchboard_sdk"):
        then(import_module(name))


def test_a_provider_that_its_framework_sets_gets_a_processor(dialects: list[Dialect]) -> None:
    following = Following(processor, when_imported, dialects)
    following.begin()
    framework: Any = import_module("switchboard_sdk")
    provider = TracerProvider(shutdown_on_exit=False)

    framework.use_provider(provider)
    following.end()

    assert framework.telemetry.providers == [provider]
    assert len(processors_of(provider)) == 1


@pytest.mark.parametrize("is_followed", [False, True])
def test_its_framework_is_given_a_provider_once(dialects: list[Dialect], *, is_followed: bool) -> None:
    """Its function has two names, and auto-instrumentation may have wrapped both."""
    if is_followed:
        Following(processor, when_imported, dialects).begin()
    framework: Any = import_module("switchboard_sdk")
    provider = TracerProvider(shutdown_on_exit=False)

    set_in_frameworks(provider, dialects)

    assert framework.telemetry.providers == [provider]


def test_a_framework_that_is_not_imported_is_given_nothing(dialects: list[Dialect]) -> None:
    set_in_frameworks(TracerProvider(shutdown_on_exit=False), dialects)

    assert "switchboard_sdk" not in sys.modules


def test_generic_dialects_are_given_no_span_of_its_scopes(sandbox: Sandbox, dialects: list[Dialect]) -> None:
    """Its framework may repeat on them what its own dialect reads, under the names of a convention."""
    app = App(sandbox.url, dialects=dialects)
    tracer = app.provider.get_tracer("switchboard")
    with tracer.start_as_current_span("phone_call", attributes={"roark.external_id": "call-1", "sb.topic": "x"}):
        tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look_up", "gen_ai.tool.call.id": "1"}
        tracer.start_span("action", attributes={**tool, "sb.verb": "LOOK UP", "sb.outcome": "found"}).end()

    assert app.provider.force_flush()
    assert [use["name"] for use in sandbox.call("call-1").body["toolInvocations"]] == ["LOOK UP"]
