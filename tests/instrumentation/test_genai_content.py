"""Messages that are in log events or handed to a completion hook give the same call as messages on spans."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import roark_otel
from roark_otel import RoarkLogRecordProcessor, RoarkSampler
from roark_otel._instrumentation.genai import handing_over
from roark_otel_zero_code.completion_hook import RoarkCompletionHook
from support.instrumented import environment, run
from support.models import DETAILS, INPUT, OUTPUT, Call, hold, logger, text
from support.paths import ROOT
from support.shop import Shop, said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

PRIVATE = "my card is in the blue drawer"
ASKED, GAVE = [text("user", "hello")], [text("assistant", "Hi.")]

ON_SPAN, ONE_EVENT, OF_MESSAGES, TO_HOOK = Call.on_span, Call.in_one_event, Call.in_events_of_messages, Call.to_hook


@pytest.fixture(name="shop")
def _shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox)


EXPECTED = [
    ("CUSTOMER", "hello", 10),
    ("AGENT", "Hello, how can I help?", 410),
    ("CUSTOMER", "where is my order", 1010),
    ("AGENT", "It has been shipped.", 2410),
    ("CUSTOMER", "bye", 3010),
    ("AGENT", "Goodbye.", 3410),
]


@pytest.mark.parametrize(
    "ways",
    [
        [ON_SPAN],
        [ONE_EVENT],
        [OF_MESSAGES],
        [TO_HOOK],
        [ON_SPAN, ONE_EVENT],
        [ONE_EVENT, ON_SPAN],
        [ON_SPAN, OF_MESSAGES],
        [TO_HOOK, ONE_EVENT],
        [ONE_EVENT, TO_HOOK],
        [ON_SPAN, TO_HOOK, ONE_EVENT, OF_MESSAGES],
        [ONE_EVENT, OF_MESSAGES],
        [ONE_EVENT, ONE_EVENT],
    ],
    ids=lambda ways: "+".join(way.__name__ for way in ways),
)
def test_the_call_is_the_same_wherever_the_messages_are(shop: Shop, ways: list[Callable[[Call], None]]) -> None:
    """Words, times, tools and the agent's prompt; nothing twice where they are in several places."""
    body = shop.hold(*ways)

    assert [(one["role"], one["text"], one["startOffsetMs"]) for one in body["transcript"]] == EXPECTED
    assert [(one["name"], one["parameters"], one["result"]) for one in body["toolInvocations"]] == [
        ("find_order", {"order_id": "A-1"}, {"status": "shipped"})
    ]
    assert body["agent"] == {"name": "shop", "prompt": {"resolvedPrompt": "Be kind."}}


def test_nothing_of_it_reaches_the_apps_exporters(shop: Shop) -> None:
    shop.hold(ONE_EVENT, TO_HOOK)

    names = {span.name for span in shop.exported.get_finished_spans()}
    assert names == {"conversation", "chat gpt-4.1"}
    assert "hello" not in "".join(span.to_json() for span in shop.exported.get_finished_spans())


@pytest.mark.parametrize("way", [ONE_EVENT, OF_MESSAGES, TO_HOOK])
def test_for_a_gateway_it_is_written_as_spans_of_the_app(sandbox: Sandbox, way: Callable[[Call], None]) -> None:
    shop = Shop(sandbox, instrumentation_spans=True)
    trace._TRACER_PROVIDER, before = shop.app.provider, trace._TRACER_PROVIDER
    try:
        body = shop.hold(way)
    finally:
        trace._TRACER_PROVIDER = before

    assert said(body) == [one[:2] for one in EXPECTED]
    assert "hello" in "".join(span.to_json() for span in shop.exported.get_finished_spans())


@pytest.mark.parametrize("as_spans", [False, True])
@pytest.mark.parametrize("way", [ONE_EVENT, OF_MESSAGES, TO_HOOK])
def test_without_content_there_are_no_words(sandbox: Sandbox, way: Callable[[Call], None], *, as_spans: bool) -> None:
    shop = Shop(sandbox, capture_content=False, instrumentation_spans=as_spans)
    trace._TRACER_PROVIDER, before = shop.app.provider, trace._TRACER_PROVIDER
    try:
        body = shop.hold(way)
    finally:
        trace._TRACER_PROVIDER = before

    everything = json.dumps(body) + "".join(span.to_json() for span in shop.exported.get_finished_spans())
    assert not any(word in everything for word in ("hello", "shipped", "A-1", "Be kind"))


@pytest.mark.parametrize("way", [ONE_EVENT, OF_MESSAGES, TO_HOOK])
def test_words_are_redacted_as_on_spans(sandbox: Sandbox, way: Callable[[Call], None]) -> None:
    def redact(moment: Any) -> Any:
        return None if getattr(moment, "text", "") == "bye" else moment

    body = Shop(sandbox, redact=redact).hold(way)

    assert said(body) == [one[:2] for one in EXPECTED if one[1] != "bye"]


def test_other_records_are_left_alone(shop: Shop) -> None:
    """Whatever they are made of; a name that is none of ours is not asked for."""

    def log() -> None:
        shop.log("app.started", {"content": "hello"}, {"gen_ai.operation.name": "chat"})
        shop.log("", "hello")
        shop.log("gen_ai.evaluation.result", {"content": "hello"})

    assert said(shop.one_call(log)) == []
    enabled = shop.ours.enabled
    assert [enabled(event_name=name) for name in (None, DETAILS, "gen_ai.choice", "app.started")] == [
        True,
        True,
        True,
        False,
    ]


def test_records_without_a_trace_are_counted_and_named(shop: Shop, said: pytest.LogCaptureFixture) -> None:
    shop.log(DETAILS, None, {INPUT: ASKED, OUTPUT: GAVE})
    shop.log("gen_ai.user.message", {"content": PRIVATE})
    RoarkCompletionHook().on_completion(inputs=ASKED, outputs=GAVE, system_instruction=[])

    assert shop.ours.without_trace == 2
    (warning,) = [one.getMessage() for one in said.records if one.levelname == "WARNING"]
    assert warning.startswith("log events with the messages of a model have no trace")
    assert PRIVATE not in said.text


def test_records_of_spans_that_are_not_sampled_are_left_alone(sandbox: Sandbox) -> None:
    shop = Shop(sandbox, provider={"sampler": ALWAYS_OFF})
    hold(shop.app.tracer, shop.log, ONE_EVENT, TO_HOOK, OF_MESSAGES)

    assert len(shop.app.processor._engine.parts.inbox) == 0  # type: ignore[union-attr]
    assert shop.app.processor.stats().open_conversations == 0
    shop.app.close()
    assert sandbox.calls() == []


@pytest.mark.parametrize("way", [ONE_EVENT, OF_MESSAGES, TO_HOOK])
def test_spans_that_are_only_recorded_have_their_messages(sandbox: Sandbox, way: Callable[[Call], None]) -> None:
    shop = Shop(sandbox, provider={"sampler": RoarkSampler(ALWAYS_OFF)})

    assert said(shop.hold(way)) == [one[:2] for one in EXPECTED]


def test_without_a_span_processor_nothing_happens() -> None:
    logs = LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(RoarkLogRecordProcessor())
    hold(TracerProvider(shutdown_on_exit=False).get_tracer("app"), logger(logs), ONE_EVENT, OF_MESSAGES, TO_HOOK)

    assert roark_otel.stats().open_conversations == 0
    assert logs.force_flush()


@pytest.mark.faults
def test_a_fault_of_ours_does_not_reach_the_app(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(PRIVATE)

    monkeypatch.setattr(handing_over._heard, "write", broken)
    body = shop.hold(TO_HOOK, OF_MESSAGES)

    assert "transcript" not in body
    assert "OSError in take_completion" in said.text
    assert "OSError in RoarkLogRecordProcessor.on_emit" in said.text
    assert PRIVATE not in said.text


def test_who_handed_messages_over_is_remembered_of_a_few_spans_only(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "MAX_CLAIMS", 2)
    handing_over._claims.clear()

    assert said(shop.hold(TO_HOOK, ONE_EVENT)) == [one[:2] for one in EXPECTED]
    assert len(handing_over._claims) <= 2


FORKING = """
import os, sys
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkLogRecordProcessor, RoarkSpanProcessor
from support.models import Call, hold, logger

provider, logs = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
provider.add_span_processor(RoarkSpanProcessor(recording_url="https://example.com/a.wav"))
logs.add_log_record_processor(RoarkLogRecordProcessor())
tracer, log = provider.get_tracer("app"), logger(logs)
ways = [Call.in_one_event], [Call.in_events_of_messages], [Call.to_hook]
for at, way in enumerate(ways):
    hold(tracer, log, *way, external_id=f"parent-{at}")
pid = os.fork()
if pid == 0:
    for at, way in enumerate(ways):
        hold(tracer, log, *way, external_id=f"child-{at}")
    os._exit(0 if provider.force_flush(60_000) else 1)
hold(tracer, log, *ways[0], external_id="parent-3")
assert provider.force_flush(60_000)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_parent_and_child_take_their_own(sandbox: Sandbox, tmp_path: Path) -> None:
    env = environment(sandbox, tmp_path / "spool", PYTHONPATH=str(ROOT / "tests"), PYTHONWARNINGS="ignore")
    ran = run(tmp_path / "app.py", FORKING, env, instrumented=False)

    assert ran.status == 0, ran.err
    found = {call["externalId"]: said(call) for call in sandbox.calls()}
    expected = [one[:2] for one in EXPECTED]
    assert found == {f"{who}-{at}": expected for who, most in (("parent", 4), ("child", 3)) for at in range(most)}
