"""Why a span has failed, where only the description of its status says so, as GenAI's own instrumentations write it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.trace import Status, StatusCode

from roark_otel import Settings, assemble_call
from roark_otel.types import ReadyCall
from support.helpers import ID, RECORDING, App, by_id
from support.otlp_lines import Ended, line
from support.otlp_requests import protobuf

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find_city"}
REASON = "no city of this name"


def spans_of(app: App, *statuses: Status) -> Ended:
    """Has a conversation whose tools end with these statuses, each on a span like the others."""
    seen = Ended()
    app.provider.add_span_processor(seen)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}):
        for status in statuses:
            with app.tracer.start_as_current_span("execute_tool find_city", attributes=TOOL) as tool:
                tool.set_status(status)
    return seen


def results(body: Any) -> list[object]:
    return [one["result"]["error"] for one in body["toolInvocations"]]


def failed(description: str | None = REASON) -> Status:
    return Status(StatusCode.ERROR, description)


def test_the_reason_is_the_result_wherever_the_spans_come_from(sandbox: Sandbox) -> None:
    app = App(sandbox.url)
    seen = spans_of(app, failed(), failed("another one"), failed(None), failed(""))
    assert app.processor.force_flush()
    expected = [REASON, "another one", "The tool failed.", "The tool failed."]

    assert results(by_id(sandbox.calls())["call-1"]) == expected
    settings = Settings().with_arguments(recording_url_template=RECORDING)
    for request in (protobuf(seen.spans), line(seen.spans)):
        call = assemble_call("call-1", [request], settings)
        assert isinstance(call, ReadyCall)
        assert results(json.loads(call.body)) == expected


def test_it_is_no_longer_than_an_attribute_may_be(sandbox: Sandbox) -> None:
    app = App(sandbox.url, provider={"span_limits": SpanLimits(max_span_attribute_length=12)})
    with app.tracer.start_as_current_span("call", attributes={ID: "call-2"}):
        for _ in range(3):
            with app.tracer.start_as_current_span("execute_tool find_city", attributes=TOOL) as tool:
                tool.set_status(failed())
    assert app.processor.force_flush()

    assert results(by_id(sandbox.calls())["call-2"]) == [REASON[:12]] * 3


def test_one_of_megabytes_costs_no_span(sandbox: Sandbox) -> None:
    """Some exceptions quote all that they were given: what is not sent of it takes no room meanwhile."""
    app = App(sandbox.url)
    spans_of(app, *[failed("x" * 3_000_000)] * 100)
    assert app.processor.force_flush(120_000)

    found = results(by_id(sandbox.calls())["call-1"])
    assert len(found) == 100
    assert all(str(one).endswith("\u2026 [cut, 3000000 characters]") for one in found)
    assert app.processor.stats().dropped_spans == 0


@pytest.mark.parametrize("way", ["content", "patterns"])
def test_it_is_private_as_what_was_said_is(sandbox: Sandbox, way: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "content": {"capture_content": False},
        "patterns": {"redact_kinds": ["phone"]},
    }
    app = App(sandbox.url, **ways[way])
    with app.tracer.start_as_current_span("call", attributes={ID: way}):
        for _ in range(3):
            with app.tracer.start_as_current_span("execute_tool find_city", attributes=TOOL) as tool:
                tool.set_status(failed("nobody at +1 202 555 0143"))
    assert app.processor.force_flush()

    body = by_id(sandbox.calls())[way]
    assert len(body["toolInvocations"]) == 3
    assert "555 0143" not in json.dumps(body)
