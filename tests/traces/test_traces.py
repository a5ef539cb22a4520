"""The spans of conversations are exported to Roark, no others, and without content where content is off."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, set_span_in_context

from roark_otel import RoarkSpanProcessor
from roark_otel._traces import exporter as exporting
from roark_otel._traces import processor as traces
from roark_otel._traces.harmless import LONGEST_NAME, harmless_of, without_content
from roark_otel._traces.session import authorities_for, session_for
from support.answering import Answer, AnsweringServer
from support.helpers import ID, SECOND, App, customer_said
from support.replaying import SPANS, load, replay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

DUMPS = sorted(
    str(path.relative_to(SPANS).with_suffix(""))
    for path in SPANS.rglob("*.json")
    if not {"truth", "never_ended"} & set(path.name.split("."))
)


FRAMEWORKS = sorted({dump.split("/")[0] for dump in DUMPS})


@pytest.fixture(autouse=True)
def _no_thread_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends the SDK's exporting threads with their test."""
    made: list[BatchSpanProcessor] = []

    def make(exporter: SpanExporter, *numbers: int) -> BatchSpanProcessor:
        made.append(BatchSpanProcessor(exporter, *numbers))
        return made[-1]

    monkeypatch.setattr(exporting, "BatchSpanProcessor", make)
    yield
    for processor in made:
        processor.shutdown()


@pytest.fixture(name="roark")
def _roark() -> Iterator[AnsweringServer]:
    """Starts a server that keeps every request as it came."""
    with AnsweringServer(then=lambda seen: Answer(200, b"") if seen.path == "/v1/traces" else Answer(503)) as server:
        yield server


def trace_requests(roark: AnsweringServer) -> list[bytes]:
    return [seen.body for seen in roark.seen if seen.path == "/v1/traces"]


def export(processor: RoarkSpanProcessor) -> None:
    """Exports the traces; calls are sent at another time."""
    assert processor._traces is not None
    processor._traces.force_flush(10_000)


def exported(roark: AnsweringServer) -> list[str]:
    """Returns the names of the spans that arrived."""
    names: list[str] = []
    for body in trace_requests(roark):
        request: Any = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            names += [span.name for scope in resource.scope_spans for span in scope.spans]
    return names


def test_the_trace_of_a_call_is_linked_to_it(sandbox: Sandbox) -> None:
    app = App(sandbox.url, export_traces=True)
    with app.tracer.start_as_current_span("call", attributes={ID: "call-1"}) as root:
        customer_said(root, "Hello?")

    assert app.provider.force_flush()
    assert sandbox.call("call-1").trace_ids == (f"{root.get_span_context().trace_id:032x}",)


def test_whole_traces_of_conversations_are_exported_and_no_others(roark: AnsweringServer) -> None:
    """Spans that ended before the id was known, and those that end after the root, are exported too."""
    app = App(roark.url, export_traces=True)
    with app.tracer.start_as_current_span("GET /health"), app.tracer.start_as_current_span("SELECT"):
        pass
    with app.tracer.start_as_current_span("call") as root:
        app.tracer.start_span("before the id").end()
        root.set_attribute(ID, "call-1")
        late = app.tracer.start_span("after the root")
    late.end()
    export(app.processor)

    assert sorted(exported(roark)) == ["after the root", "before the id", "call"]
    assert app.processor._traces is not None
    assert app.processor._traces._open == {}


def test_spans_are_exported_while_their_root_is_open(roark: AnsweringServer) -> None:
    """A call may last for hours; the spans that ended in it do not wait that long."""
    app = App(roark.url, export_traces=True)
    root = app.tracer.start_span("call")
    with app.tracer.start_as_current_span("conversation", attributes={ID: "call-1"}):
        app.tracer.start_span("turn").end()
        export(app.processor)
        assert exported(roark) == ["turn"]
    root.end()


@pytest.mark.parametrize("where", ["resource", "baggage", "another key"])
def test_the_id_may_be_in_the_resource_baggage_or_another_attribute(roark: AnsweringServer, where: str) -> None:
    app = App(
        roark.url,
        export_traces=True,
        resource={ID: "call-1"} if where == "resource" else {},
        external_id_keys=["session.id"],
    )
    context = baggage.set_baggage(ID, "call-1") if where == "baggage" else None
    attributes = {"session.id": "call-1"} if where == "another key" else {}
    app.tracer.start_span("call", context, attributes=attributes).end()
    export(app.processor)

    assert exported(roark) == ["call"]


def test_what_is_not_sampled_is_not_exported(roark: AnsweringServer) -> None:
    app = App(roark.url, export_traces=True, provider={"sampler": ALWAYS_OFF})
    app.tracer.start_span("call", attributes={ID: "call-1"}).end()
    export(app.processor)

    assert exported(roark) == []


def test_the_key_and_the_project_travel_with_it(roark: AnsweringServer) -> None:
    app = App(roark.url, export_traces=True, project_id="project-1", traces_endpoint=f"{roark.url}/v1/traces")
    app.conversation("call-1", "Hello?")
    export(app.processor)

    headers = next(seen.headers for seen in roark.seen if seen.path == "/v1/traces")
    assert headers["authorization"] == "Bearer test-key"
    assert headers["x-roark-project-id"] == "project-1"
    assert headers["content-type"] == "application/x-protobuf"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MAX_QUEUE_SIZE", "100"), ("MAX_QUEUE_SIZE", "0"), ("SCHEDULE_DELAY", "0"), ("MAX_EXPORT_BATCH_SIZE", "-1")],
)
def test_what_the_sdk_cannot_use_of_its_variables_stops_no_app(
    roark: AnsweringServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    value: str,
) -> None:
    """The constructor does not raise, traces are exported with the defaults, and one line names the variables."""
    monkeypatch.setenv(f"OTEL_BSP_{variable}", value)
    app = App(roark.url, export_traces=True)
    app.conversation("call-1", "Hello?")
    export(app.processor)

    assert exported(roark) == ["call"]
    (line,) = [record.getMessage() for record in caplog.records if "OTEL_BSP_" in record.getMessage()]
    assert "correct or unset" in line


def test_spans_after_a_shutdown_are_exported_too(roark: AnsweringServer) -> None:
    """LiveKit up to 1.7 shuts the app's provider down after every job, while other jobs talk."""
    app = App(roark.url, export_traces=True, exit_timeout_seconds=0.1)
    app.conversation("call-1", "Hello?")
    app.processor.shutdown()
    app.conversation("call-2", "Hello?")
    export(app.processor)

    assert exported(roark) == ["call", "call"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child that is forked")
def test_a_child_of_multiprocessing_exports_before_it_ends(roark: AnsweringServer) -> None:
    """Like LiveKit's job processes, it skips atexit, and no code shuts its provider down."""
    apps: list[App] = []

    def job() -> None:
        apps.append(App(roark.url, export_traces=True, exit_timeout_seconds=1))
        apps[0].conversation("call-1", "Hello?")

    child = multiprocessing.get_context("fork").Process(target=job)
    child.start()
    child.join(60)

    assert child.exitcode == 0
    assert exported(roark) == ["call"]


def test_nothing_is_exported_by_default(roark: AnsweringServer) -> None:
    app = App(roark.url)
    app.conversation("call-1", "Hello?")
    app.provider.force_flush(100)

    assert trace_requests(roark) == []


def test_a_missing_extra_costs_no_call(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    app = App(sandbox.url, export_traces=True)
    app.conversation("call-1", "Hello?")

    assert app.provider.force_flush()
    assert len(sandbox.calls()) == 1
    assert 'pip install "roark-otel[otlp]"' in said.text


def test_spans_that_wait_for_an_id_are_bounded(
    roark: AnsweringServer, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(traces, "MAX_WAITING_SPANS", 10)
    app = App(roark.url, export_traces=True)
    first, second = (app.tracer.start_span(name) for name in ("first", "second"))
    for root, number in ((first, 8), (second, 8)):
        for _ in range(number):
            app.tracer.start_span("child", set_span_in_context(root)).end()
    first.set_attribute(ID, "call-1")
    second.set_attribute(ID, "call-2")
    first.end()
    second.end()
    export(app.processor)

    assert exported(roark).count("child") == 8
    assert "more than 10 spans wait for an external id" in said.text
    assert app.processor._traces is not None
    assert app.processor._traces._waiting == 0


def test_the_oldest_traces_with_an_id_are_forgotten(roark: AnsweringServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MAX_TRACES", 10)
    app = App(roark.url, export_traces=True)
    for number in range(25):
        app.conversation(f"call-{number}")

    assert app.processor._traces is not None
    assert len(app.processor._traces._with_id) <= 10


def test_spans_that_are_never_ended_are_bounded(roark: AnsweringServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the app keeps them; a conversation that is crowded out is still exported whole."""
    monkeypatch.setattr(traces, "MAX_TRACES", 10)
    app = App(roark.url, export_traces=True)
    root = app.tracer.start_span("call", attributes={ID: "call-1"})
    app.tracer.start_span("turn", set_span_in_context(root)).end()
    kept = [app.tracer.start_span("never ended") for _ in range(25)]
    app.tracer.start_span("turn", set_span_in_context(root)).end()
    root.end()
    export(app.processor)

    assert app.processor._traces is not None
    assert len(app.processor._traces._open) <= 10
    assert len(kept) == 25
    assert sorted(exported(roark)) == ["call", "turn", "turn"]


def test_nothing_is_kept_of_spans_that_the_app_lets_go_of(roark: AnsweringServer) -> None:
    app = App(roark.url, export_traces=True)
    root = app.tracer.start_span("abandoned")
    app.tracer.start_span("child", set_span_in_context(root)).end()
    del root
    gc.collect()

    assert app.processor._traces is not None
    assert app.processor._traces._open == {}
    assert app.processor._traces._waiting == 0


# Without content

HARMLESS = harmless_of(())


def words_of(spans: list[dict[str, Any]]) -> set[str]:
    """Returns every text on these spans and their events that is more than a name: what was said, given, returned."""
    mappings = [attributes for span in spans for attributes in (span["attributes"], *events_of(span))]
    texts = {value for attributes in mappings for value in attributes.values() if isinstance(value, str)}
    return {text for text in texts if " " in text.strip() or (text.startswith(("{", "[")) and len(text) > 2)}


def events_of(span: dict[str, Any]) -> list[dict[str, Any]]:
    return [event.get("attributes") or {} for event in span.get("events") or ()]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_no_word_of_any_framework_is_exported(roark: AnsweringServer, framework: str) -> None:
    """With content off, no text of a recording is in any trace request, under whatever name it stands."""
    spans = [span for dump in DUMPS if dump.startswith(framework) for span in load(dump)]
    processor = RoarkSpanProcessor(
        api_key="k",
        base_url=roark.url,
        recording_url="https://example.com/a.wav",
        export_traces=True,
        capture_content=False,
    )
    for dump in [dump for dump in DUMPS if dump.startswith(framework)]:
        recorded = load(dump)
        roots = {span["span_id"]: {ID: dump} for span in recorded if not span.get("parent_span_id")}
        replay(recorded, processor, roots)
    export(processor)

    sent = b"".join(trace_requests(roark))
    ended = [span["name"] for span in spans if span.get("on_end_seq") is not None]
    assert sorted(exported(roark)) == sorted(ended)
    words = {text for text in words_of(spans) if not any(text in name for name in ended)} - NAMES_WITH_A_BLANK
    assert len(words) > (20 if framework == "wordless" else 50)
    assert {text for text in words if text.encode() in sent} == set()


def test_the_key_does_not_go_to_a_proxy_or_with_the_password_of_a_netrc(
    roark: AnsweringServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans for this machine take no proxy, and what the exporter's library knows of hosts is not ours."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password hunter2\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with AnsweringServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        app = App(roark.url, export_traces=True, api_key="a-key")
        app.conversation("call-1", "Hello.")
        export(app.processor)
        app.close()

    assert proxy.seen == []
    (request,) = [seen for seen in roark.seen if seen.path == "/v1/traces"]
    assert request.headers["authorization"] == "Bearer a-key"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks://user:hunter2@127.0.0.1:9/"),
        ("https_proxy", "socks5://user:hunter2@127.0.0.1:9"),
        ("SSL_CERT_FILE", "/nonexistent/hunter2"),
        ("REQUESTS_CA_BUNDLE", "/nonexistent/hunter2"),
    ],
)
def test_an_environment_that_allows_no_export(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    """One line names the variable, and calls are made all the same."""
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv(name, value)
    app = App("https://roark.example.com", export_traces=True)

    assert app.processor._traces is None
    (error,) = [one.getMessage() for one in said.records if one.levelname == "ERROR"]
    assert error.startswith(f"no traces are exported: {name} ")
    assert "hunter2" not in said.text


def test_the_proxy_and_the_certificates_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with AnsweringServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://user:hunter2@"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with session_for("http://roark.example.com") as session:
            answer = session.post("http://roark.example.com/v1/traces", data=b"spans", timeout=60.0)
    assert answer.status_code == 201
    assert [(one.path, one.body) for one in proxy.seen] == [("http://roark.example.com/v1/traces", b"spans")]
    assert proxy.seen[0].headers["proxy-authorization"].startswith("Basic ")

    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    assert authorities_for("https://roark.example.com") is None
    monkeypatch.delenv("SSL_CERT_DIR")
    assert authorities_for("https://roark.example.com") == str(tmp_path)
    assert authorities_for("http://127.0.0.1:1") is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "/its/own")
    assert authorities_for("https://roark.example.com") is None


NAMES_WITH_A_BLANK = {"OpenAI Agent", "Strands Agents", "(merged tools)"}
"""Names of agents and tools, which are not words of the conversation."""


def test_with_redaction_spans_are_exported_without_content(roark: AnsweringServer) -> None:
    """Patterns apply to the texts of a call, not to the attributes of spans, so these are exported without content."""
    app = App(roark.url, export_traces=True, redact_patterns=["card"])
    app.conversation("call-1", "My name is Robin.", **{"app.note": "a secret", "gen_ai.usage.input_tokens": 7})
    export(app.processor)

    (body,) = trace_requests(roark)
    assert b"Robin" not in body
    assert b"a secret" not in body
    assert b"gen_ai.usage.input_tokens" in body


def a_span(**attributes: Any) -> ReadableSpan:
    context = SpanContext(1, 2, is_remote=False)
    return ReadableSpan(
        "execute_tool",
        context,
        attributes=attributes,
        events=[
            Event("exception", {"exception.type": "ValueError", "exception.message": "card 4111"}, 1),
            Event("my name is Robin", {"text": "hello"}, 2),
        ],
        links=[Link(context, {"why": "a secret"})],
        status=Status(StatusCode.ERROR, "card 4111"),
        start_time=SECOND,
        end_time=2 * SECOND,
    )


def test_what_is_left_of_a_span() -> None:
    attributes = {
        ID: "call-1",
        "gen_ai.tool.name": "pay",
        "gen_ai.tool.call.arguments": 4111,
        "gen_ai.usage.input_tokens": 7,
        "lk.function_tool.output": 4111,
        "lk.function_tool.is_error": False,
        "lk.pii.sip.phoneNumber": 15550100,
        "lk.response.ttft": 0.25,
        "unknown.name": "a secret",
        "unknown.number": 4111,
    }

    left = without_content(a_span(**attributes), HARMLESS)

    assert dict(left.attributes or {}) == {
        ID: "call-1",
        "gen_ai.tool.name": "pay",
        "gen_ai.usage.input_tokens": 7,
        "lk.function_tool.is_error": False,
        "lk.response.ttft": 0.25,
    }
    assert [(event.name, dict(event.attributes or {})) for event in left.events] == [
        ("exception", {"exception.type": "ValueError"})
    ]
    assert [dict(link.attributes or {}) for link in left.links] == [{}]
    assert (left.status.status_code, left.status.description) == (StatusCode.ERROR, None)
    assert (left.start_time, left.end_time, left.get_span_context()) == (SECOND, 2 * SECOND, SpanContext(1, 2, False))


@pytest.mark.parametrize(
    "value", ["x" * (LONGEST_NAME + 1), "two\nlines", "", ["a", "list"], {"a": "mapping"}, b"bytes"]
)
def test_a_value_that_does_not_look_like_a_name_is_left_out(value: Any) -> None:
    assert "gen_ai.tool.name" not in (without_content(a_span(**{"gen_ai.tool.name": value}), HARMLESS).attributes or {})


def test_a_resource_keeps_what_the_app_says_of_itself(roark: AnsweringServer) -> None:
    resource = {"service.name": "order-desk", "process.command_args": "--password secret", "note": "a secret"}
    app = App(roark.url, export_traces=True, capture_content=False, resource=resource)
    app.conversation("call-1", "Hello?")
    export(app.processor)

    (body,) = trace_requests(roark)
    assert b"order-desk" in body
    assert b"secret" not in body


@pytest.mark.faults
def test_a_span_whose_content_cannot_be_removed_is_not_exported(
    roark: AnsweringServer, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    def broken(_span: object, _harmless: object) -> ReadableSpan:
        raise RuntimeError("Robin")

    monkeypatch.setattr(exporting, "without_content", broken)
    app = App(roark.url, export_traces=True, capture_content=False)
    app.conversation("call-1", "My name is Robin.")
    export(app.processor)

    assert trace_requests(roark) == []
    assert "Robin" not in said.text
