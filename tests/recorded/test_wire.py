"""What goes over the wire: exact bodies, held against the official SDK's types, its requests and its answers.

The bodies are files below `tests/snapshots`. `UPDATE_SNAPSHOTS=1 pytest tests/recorded/test_wire.py` writes them again;
read the difference before you keep it.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from pydantic import ConfigDict, TypeAdapter, ValidationError
from roark_analytics import Roark
from roark_analytics.types import CallCreateParams, call_create_params

from roark_otel import RoarkSpanProcessor
from roark_otel.sandbox import Sandbox
from support.paths import SNAPSHOTS
from support.replaying import FRAMEWORKS, RECORDING, RecordedIds, delivered, truths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Json = dict[str, Any]

MS = 1_000_000
T0 = 1_795_348_364_250_000_000
"""2026-11-22T11:52:44.250Z"""

NUMBERS = itertools.count(1)

OPAQUE = {"properties", "payload", "parameters", "result"}
"""Fields whose content is the app's own: its keys are sent as they are."""


class Telling:
    """An app that writes spans in Roark's own words: real spans with set ids and with times in ms of the call."""

    def __init__(self, sandbox: Sandbox, resource: Mapping[str, Any]) -> None:
        self.processor = RoarkSpanProcessor(api_key="k", base_url=sandbox.url)
        self._ids = RecordedIds()
        self._ids.trace_id = 0xA1
        provider = TracerProvider(resource=Resource(resource), id_generator=self._ids, shutdown_on_exit=False)
        provider.add_span_processor(self.processor)
        self._tracer = provider.get_tracer("example")

    def start(self, name: str, at: int, below: trace.Span | None = None, /, **attributes: Any) -> trace.Span:
        """Starts a span; in names of attributes `__` stands for a dot."""
        self._ids.span_id += 1
        context = trace.set_span_in_context(below) if below else None
        return self._tracer.start_span(name, context, attributes=dotted(attributes), start_time=T0 + at * MS)


def dotted(attributes: Mapping[str, Any]) -> Json:
    return {f"roark.{key}".replace("__", "."): value for key, value in attributes.items()}


def event(span: trace.Span, name: str, at: int, /, **attributes: Any) -> None:
    keys = {key.replace("__", "."): value for key, value in attributes.items()}
    span.add_event(f"roark.{name}", keys, T0 + at * MS)


def every_attribute(sandbox: Sandbox) -> Json:
    """A conversation that uses every attribute but those that exclude others, on resource, root and a span below."""
    app = Telling(
        sandbox, {"service.name": "example-agent", "roark.agent.name": "Overridden", "livekit.room.id": "RM_1"}
    )
    root = app.start(
        "conversation",
        0,
        external_id="every-attribute",
        conversation__root=True,
        started_at="2026-11-22T12:52:44.000+01:00",
        interface_type="phone",
        call_direction="outbound",
        agent__name="Front desk",
        agent__custom_id="front-desk",
        agent__description="Answers the phone.",
        agent__prompt="Be kind.",
        agent__endpoint__type="phone",
        agent__endpoint__value="+15550199",
        agent__endpoint__direction="OUTBOUND",
        customer__phone_number="+15550100",
        property__plan="gold",
        property__retryCount=2,
        property__vip=True,
        property__score=0.5,
    )
    below = app.start("work", 100, root, recording_url="https://example.com/a.wav?signature=a%20b%2Fc")
    below.set_attributes(dotted({"stereo_recording_url": "https://example.com/stereo.wav"}))
    below.set_attributes(dotted({"customer__label": "caller", "ended_status": "agent_transferred_call"}))
    event(root, "transcript", 0, role="agent", text="Grüß Gott! 👋", duration_ms=800)
    event(root, "transcript", 1_000, role="customer", text="Hello.", duration_ms=400)
    below.end(T0 + 2_000 * MS)
    root.end(T0 + 2_500 * MS)
    assert app.processor.force_flush(120_000)
    return sandbox.call("every-attribute").body


def every_event(sandbox: Sandbox) -> Json:
    """A conversation that uses every event: a barge-in, an agent for each entry, tools whole, halved and failed."""
    app = Telling(
        sandbox, {"service.name": "example-agent", "roark.vapi_call_id": "0b9c0f2e-0000-4000-8000-000000000001"}
    )
    root = app.start(
        "conversation",
        0,
        external_id="every-event",
        conversation__root=True,
        recording_url=RECORDING,
        agent__roark_id="agent-7",
        agent__endpoint__id="endpoint-3",
        customer__phone_number="+15550100",
        customer__label="caller",
    )
    event(
        root, "transcript", 0, role="assistant", text="How may I help you today?", duration_ms=3_000, interrupted=True
    )
    event(root, "transcript", 1_500, role="USER", text="My order, please.", language_code="en-GB", duration_ms=1_000)
    event(root, "tool_call", 2_600, id="t1", name="look_up", parameters='{"order": {"id": 17}, "tags": ["a", null]}')
    event(root, "tool_result", 3_100, id="t1", result='{"status": "shipped"}')
    event(root, "tool_call", 3_150, id="t2", name="notify", description="Sends a text message.")
    event(root, "tool_result", 3_200, id="t2", error="no such number")
    event(root, "tool_invocation", 3_300, name="log", parameters="{}", result="[1, 2]", duration_ms=5)
    event(root, "tool_invocation", 3_310, name="ring", agent__custom_id="billing", roark__result="done")
    billing = app.start("handoff", 3_400, root, agent__custom_id="billing", agent__name="Billing")
    event(billing, "transcript", 3_400, role="agent", text="Billing here.", payload='{"mood": "calm"}', duration_ms=900)
    event(billing, "transcript", 4_500, role="customer", text="Hi!", customer__phone_number="+15550101")
    event(billing, "transcript", 5_000, role="agent", text="Bye.", agent__roark_id="agent-7", roark__duration_ms=300)
    billing.end(T0 + 5_400 * MS)
    root.end(T0 + 5_500 * MS)
    assert app.processor.force_flush(120_000)
    return sandbox.call("every-event").body


def recorded(dump: str) -> Callable[[Sandbox], list[Json]]:
    def bodies(sandbox: Sandbox) -> list[Json]:
        found = delivered(dump, sandbox)
        return [found[truth["externalId"]] for truth in truths(dump)]

    return bodies


CONVERSATIONS: dict[str, Callable[[Sandbox], list[Json]]] = {
    **{dump.replace("/", "-"): recorded(dump) for dump in FRAMEWORKS},
    "roark-every_attribute": lambda sandbox: [every_attribute(sandbox)],
    "roark-every_event": lambda sandbox: [every_event(sandbox)],
}


@pytest.mark.parametrize("name", sorted(CONVERSATIONS))
def test_the_body_is_exactly_the_one_on_file(name: str, sandbox: Sandbox) -> None:
    """From spans to what Roark gets, over a socket. All other tests here take the bodies from the files."""
    file = SNAPSHOTS / f"{name}.json"
    bodies = CONVERSATIONS[name](sandbox)
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(bodies, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")

    expected = json.loads(file.read_text(encoding="utf-8"))

    assert expected == bodies
    assert len(expected) == len(sandbox.calls())


def test_no_file_is_left_of_a_conversation_that_is_gone() -> None:
    assert sorted(CONVERSATIONS) == sorted(path.stem for path in SNAPSHOTS.iterdir())


# The bodies, before the official SDK


@pytest.fixture(name="bodies", params=sorted(CONVERSATIONS))
def _bodies(request: pytest.FixtureRequest) -> list[Json]:
    """The bodies of one conversation, each with an id that no other test uses."""
    bodies: list[Json] = json.loads((SNAPSHOTS / f"{request.param}.json").read_text(encoding="utf-8"))
    return [{**body, "externalId": f"{body['externalId']}-{next(NUMBERS)}"} for body in bodies]


@pytest.fixture(name="shared", scope="module")
def _shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(name="official")
def _official(shared: Sandbox) -> Iterator[Roark]:
    """The official SDK, in a project of its own; it checks the shape of every answer."""
    headers = {"X-Roark-Project-Id": f"project-{next(NUMBERS)}"}
    with Roark(
        base_url=shared.url,
        bearer_token="k",  # noqa: S106 - no secret
        max_retries=0,
        default_headers=headers,
        _strict_response_validation=True,
    ) as official:
        yield official


@pytest.fixture(name="strict_params")
def _strict_params(monkeypatch: pytest.MonkeyPatch) -> TypeAdapter[Any]:
    """The official SDK's own parameter types, which then take neither an unknown key nor a value of another type."""
    for name in (*call_create_params.__all__, "CallCreateParams"):
        config = ConfigDict(extra="forbid", strict=True)
        monkeypatch.setattr(getattr(call_create_params, name), "__pydantic_config__", config, raising=False)
    return TypeAdapter(CallCreateParams)


def arguments(body: Any) -> Any:
    """A body as arguments of the official SDK: the names that Roark gave, in snake_case."""
    if isinstance(body, list):
        return [arguments(item) for item in body]
    if not isinstance(body, dict):
        return body
    return {snake_case(key): value if key in OPAQUE else arguments(value) for key, value in body.items()}


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def taken(params: TypeAdapter[Any], given: Json) -> Any:
    """What the SDK's types make of arguments; they look into some lists only when these are walked."""
    return json.loads(json.dumps(params.validate_python(given), default=list))


def test_the_official_types_take_the_body_to_its_last_key(bodies: list[Json], strict_params: TypeAdapter[Any]) -> None:
    for body in bodies:
        expected = arguments(body)

        assert expected == taken(strict_params, expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": 1},
        {"transcript": [{"role": "AGENT", "text": "a", "start_offset_ms": 0, "end_offset_ms": 1, "unknown": 1}]},
        {"transcript": [{"role": "AGENT", "text": "a", "start_offset_ms": 0.5, "end_offset_ms": 1}]},
        {"tool_invocations": [{"name": "a", "parameters": {}, "result": "", "start_offset_ms": "0"}]},
        {"tool_invocations": [{"name": "a", "parameters": [], "result": "", "start_offset_ms": 0}]},
        {"customer": {"label": "no number"}},
        {"agent": {"custom_id": "a", "unknown": 1}},
        {"ended_status": "BORED"},
    ],
)
def test_the_official_types_are_strict_enough_to_mean_something(wrong: Json, strict_params: TypeAdapter[Any]) -> None:
    """Without this, the test above could pass because everything passes."""
    least = {
        "recording_url": RECORDING,
        "started_at": "2026-11-22T11:52:44.250Z",
        "interface_type": "PHONE",
        "call_direction": "INBOUND",
    }
    assert least == taken(strict_params, least)
    with pytest.raises(ValidationError):
        taken(strict_params, {**least, **wrong})


def test_the_official_client_posts_the_same_body(bodies: list[Json], shared: Sandbox, official: Roark) -> None:
    """Given the same arguments, it says the same to the last key."""
    for body in bodies:
        official.call.create(**arguments(body))

        assert body == shared.call(body["externalId"]).body


def test_the_official_client_reads_the_call_back(bodies: list[Json], official: Roark) -> None:
    for body in bodies:
        created = official.call.create(**arguments(body)).data
        listed = {call.id: call for call in official.call.list(limit=100).data}
        call = official.call.get_by_id(created.id).data

        assert body["externalId"] == created.external_id == call.external_id == listed[call.id].external_id
        assert body["startedAt"] == call.started_at
        assert body["callDirection"] == call.call_direction
        assert body["recordingUrl"] == call.recording_url
        assert body.get("endedStatus") == call.ended_status
        assert len(listed_in(body, "agent")) == len(call.agents or [])
        assert [one["phoneNumberE164"] for one in listed_in(body, "customer")] == [
            one.phone_number_e164 for one in call.customers or []
        ]
        assert set(body["properties"]) == set(call.properties or {})


def listed_in(body: Json, name: str) -> list[Json]:
    return [body[name]] if name in body else body.get(f"{name}s", [])


def test_the_official_client_reads_the_transcript_back(bodies: list[Json], official: Roark) -> None:
    for body in bodies:
        keys = ("role", "text", "startOffsetMs", "endOffsetMs")
        expected = [tuple(entry[key] for key in keys) for entry in body.get("transcript", ())]
        call_id = official.call.create(**arguments(body)).data.id

        told = official.call.get_transcript(call_id).data

        assert expected == [(one.role, one.text, one.start_offset_ms, one.end_offset_ms) for one in told.entries]


def test_tools_that_were_sent_already_are_skipped_when_sent_again(
    bodies: list[Json], shared: Sandbox, official: Roark
) -> None:
    """The append endpoint knows a tool use by its name and times, so no two of ours may share them."""
    late: Any = {"name": "late", "parameters": {"a": 1}, "result": "ok", "start_offset_ms": 1}
    for body in bodies:
        sent = [arguments(one) for one in body.get("toolInvocations", [])]
        call_id = official.call.create(**arguments(body)).data.id

        answer = official.call.append_tool_invocations(call_id, tool_invocations=[*sent, late]).data

        assert (1, len(sent)) == (answer.added, answer.skipped)
        assert len(sent) + 1 == len(shared.call(body["externalId"]).tool_invocations)
