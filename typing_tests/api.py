"""The API as users write it: type-checked, never run."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from typing_extensions import assert_never, assert_type

import roark_otel
from roark_otel import RoarkSampler, RoarkSpanProcessor, Settings, attributes
from roark_otel.dialects import DIALECTS
from roark_otel.types import (
    Agent,
    AssembledCall,
    Attached,
    CallWithoutRecording,
    Configured,
    ConversationHandle,
    Delivered,
    Dialect,
    FailedCall,
    FinishedCall,
    Kept,
    Moment,
    NoCall,
    NoRecording,
    NotEnded,
    Reader,
    ReadyCall,
    Receipt,
    Redactable,
    Redactor,
    Refused,
    Rejected,
    SpanView,
    Stats,
    ToolHandle,
    ToolUse,
    TracesGo,
    TryAgain,
    UnreadableRequest,
    UnrecordedCall,
    Utterance,
    Warn,
)

provider = TracerProvider()
provider.add_span_processor(RoarkSpanProcessor())
provider.add_span_processor(RoarkSpanProcessor(settings=Settings.from_env(), recording_url="https://example.com/a.wav"))

assert_type(RoarkSpanProcessor().force_flush(1_000), bool)
assert_type(RoarkSpanProcessor().stats(), Stats)
assert_type(roark_otel.force_flush(), bool)
assert_type(roark_otel.get_processor(), RoarkSpanProcessor | None)
assert_type(roark_otel.stats().delivered, int)
name: str = attributes.EXTERNAL_ID

RoarkSpanProcessor(
    api_key="key",
    api_key_file=Path("/run/secrets/roark"),
    base_url="https://api.roark.ai",
    project_id="project-1",
    interface_type="PHONE",
    call_direction="INBOUND",
    agent_name="Order desk",
    agent_custom_id="order-desk",
    recording_url_template="https://example.com/{external_id}.wav",
    recording_delay_seconds=30,
    recording_wait_seconds=3600.0,
    recording_fallback_url="https://example.com/none.wav",
    spool_dir="/var/spool/roark",
    spool="disk",
    spool_max_bytes=1_000_000,
    spool_max_age_seconds=86_400,
    linger_seconds=0.5,
    quiet_seconds=None,
    idle_timeout_seconds=600,
    max_conversations=100,
    exit_timeout_seconds=5,
    http_timeout_seconds=10,
    external_id_keys=["session.id"],
    auto_external_id=True,
    call_sample_ratio=0.5,
    capture_content=False,
    redact_patterns=("card", "phone"),
    properties_allow=["shop"],
    export_traces=True,
    traces_endpoint="https://example.com/v1/traces",
    log_external_id="hash",
)
RoarkSpanProcessor(linger_seconds="2")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
RoarkSpanProcessor(linger=2.0)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
RoarkSpanProcessor(enabled=False)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
assert_type(Settings().with_arguments(linger_seconds=2), Settings)
Settings(linger_seconds=2.0, spool_dir=Path("/var/spool/roark"), enabled=False)
Settings.from_env().with_arguments(linger="2")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
roark_otel.configure(
    api_key="key",
    base_url="https://api.roark.ai",
    recording_url="https://example.com/a.wav",
    recording_url_template="https://example.com/{external_id}.wav",
    export_traces=True,
    auto_external_id=True,
    service_name="order-desk",
    settings=Settings.from_env(),
)
roark_otel.configure(linger="2")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]

done = roark_otel.configure(service_name="order-desk", export_traces=True, settings=Settings(agent_name="Order desk"))
assert_type(done, Configured)
assert_type(done.traces, TracesGo)

with roark_otel.call_attributes(external_id="call-1", properties={"plan": "gold"}):
    pass


async def inside() -> None:
    """An async app."""
    async with roark_otel.call_attributes(external_id="call-1", as_baggage=True):
        pass


with roark_otel.conversation("call-1", call_direction="INBOUND", interface_type="PHONE", as_baggage=True) as call:
    assert_type(call, ConversationHandle)
    call.customer_said("Hello?", start_time=datetime.now(timezone.utc), end_time=timedelta(seconds=2))
    call.agent_said("Hello.", start_time=1_795_348_364.5, interrupted=True, payload={"confidence": 0.9})
    with call.tool("lookup_order", {"id": 17}) as tool:
        assert_type(tool, ToolHandle)
        tool.result({"status": "shipped"})
    call.update(recording_url="https://example.com/a.wav", properties={"vip": True})
    call.customer_said(b"bytes")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    call.update(recorded=True)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]

loop = roark_otel.start_conversation("call-2", customer_phone_number="+15550100", tracer_provider=provider)
assert_type(loop, ConversationHandle)
with loop.current():
    loop.tool("transfer").end()
loop.end("CUSTOMER_ENDED_CALL")


async def inside_a_conversation() -> None:
    """An async app."""
    async with roark_otel.conversation("call-1") as one, one.tool("lookup") as tool:
        tool.error(ValueError("no such order"))


def work(number: int, *, text: str) -> str:
    """For a thread."""
    return f"{number} {text}"


async def work_async(number: int) -> int:
    """For another loop."""
    return number


bound = roark_otel.bind(work)
assert_type(bound(1, text="a"), str)
bound("1", text="a")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
bound_async: Callable[[int], Coroutine[Any, Any, int]] = roark_otel.bind(work_async)
assert_type(ThreadPoolExecutor().submit(bound, 1, text="a").result(), str)

TracerProvider(sampler=RoarkSampler(ParentBased(TraceIdRatioBased(0.01))))


def redact(redactable: Redactable) -> Redactable | None:
    """A redactor of one's own."""
    match redactable:
        case Utterance():
            return replace(redactable, text="…")
        case ToolUse():
            return None
        case UnrecordedCall():
            return redactable.model_copy(update={"properties": {}})


redactor: Redactor = redact
RoarkSpanProcessor(
    redact=redact, redact_kinds=["card"], redact_patterns=[re.compile("policy [0-9]+")], capture_content=False
)


class MyReader:
    """A reader of one's own."""

    def __init__(self, warn: Warn) -> None:
        self._said: list[Utterance] = []

    def read(self, span: SpanView) -> None:
        """Takes in a span."""
        if span.name == "said" and span.end_ns is not None:
            self._said.append(Utterance(Agent(), str(span.attributes["words"]), span.start_ns, span.end_ns))

    def moments(self) -> Iterable[Moment]:
        """Everything said."""
        return self._said


def find(call: FinishedCall) -> str | None:
    """A resolver of one's own."""
    if call.turns == 0:
        raise NoRecording
    return f"https://recordings.example.com/{call.started_at:%Y}/{call.external_id}.wav"


def note(call: FinishedCall, receipt: Receipt) -> None:
    """A hook of one's own."""
    match receipt:
        case Delivered(call_id, already):
            assert_type((call_id, already), tuple[str | None, bool])
        case Rejected(status, reason):
            assert_type((call.external_id, status, reason), tuple[str, int, str])
        case Refused(status):
            assert_type(status, int)
        case TryAgain(after, why):
            assert_type((after, why), tuple[float | None, str])


RoarkSpanProcessor(recording_url=find, on_receipt=note)
attached: Attached | Kept = roark_otel.attach_recording("call-1", "https://recordings.example.com/call-1.wav")
mine = Dialect(name="mine", reader=MyReader, scopes=frozenset({"my.voice"}), live=True)
reader: Reader = MyReader(lambda _: None)
RoarkSpanProcessor(dialects=[mine, *DIALECTS])


def from_a_stream(external_id: str, requests: Iterable[bytes]) -> bytes | None:
    """An engine of one's own."""
    try:
        made = roark_otel.assemble_call(external_id, requests, Settings.from_env(), dialects=[mine], incomplete=True)
    except UnreadableRequest as fault:
        assert_type(fault, UnreadableRequest)
        return None
    assert_type(made, AssembledCall)
    match made:
        case ReadyCall(_, body, turns, tools):
            assert_type((body, turns, tools), tuple[bytes, int, int])
            return body
        case CallWithoutRecording(body=body):
            return body
        case NotEnded(open_id) | FailedCall(open_id):
            assert_type(open_id, str)
        case NoCall(reason=reason):
            assert_type(reason, str)
        case _:
            assert_never(made)
    return None


roark_otel.assemble_call("call-1", "text", Settings())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
roark_otel.assemble_call("call-1", [])  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
