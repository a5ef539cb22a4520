"""Several projects in one process: each conversation goes to those processors alone that take it."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import roark_otel
from roark_otel import RoarkSpanProcessor, cli
from roark_otel._safety import hook_thread
from roark_otel._spool.rejected import rejected_files
from support.answering import AnsweringServer
from support.helpers import NEVER, customer_said, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

ID, TENANT = "roark.external_id", "roark.property.tenant"
URL = "https://example.com/a.wav"


class Projects:
    """An app with a processor for each of several projects."""

    def __init__(self, server: AnsweringServer, resource: Mapping[str, Any] | None = None) -> None:
        self.server = server
        self.provider = TracerProvider(resource=Resource(resource or {}), shutdown_on_exit=False)
        self.tracer = self.provider.get_tracer("app")
        self.processors: dict[str, RoarkSpanProcessor] = {}

    def add(self, key: str, accepts: Any = None, **settings: Any) -> RoarkSpanProcessor:
        waits: dict[str, Any] = {"linger_seconds": NEVER, "quiet_seconds": NEVER, "recording_url": URL} | settings
        processor = RoarkSpanProcessor(api_key=key, base_url=self.server.url, accepts=accepts, **waits)
        self.provider.add_span_processor(processor)
        self.processors[key] = processor
        return processor

    def talk(self, external_id: str, **attributes: Any) -> None:
        with self.tracer.start_as_current_span("call", attributes={ID: external_id, **attributes}) as root:
            customer_said(root, "Hello.")

    def sent(self) -> dict[str, list[str]]:
        """Flushes, and returns which conversations each project got."""
        assert roark_otel.force_flush(60_000)
        found: dict[str, list[str]] = {key: [] for key in self.processors}
        for seen in self.server.seen:
            if seen.path == "/v1/call":
                found[seen.headers["authorization"].removeprefix("Bearer ")].append(seen.external_id)
        return {key: sorted(ids) for key, ids in found.items()}


@pytest.fixture(name="projects")
def _projects() -> Iterator[Projects]:
    with AnsweringServer() as server:
        yield Projects(server)


def of(tenant: str) -> Callable[[str, Mapping[str, object]], bool]:
    return lambda _id, attributes: attributes.get(TENANT) == tenant


def noting(seen: list[Any], what: Callable[..., Any]) -> Callable[[str, Mapping[str, object]], bool]:
    """A hook that takes every conversation, and notes what it was asked."""

    def accepts(external_id: str, attributes: Mapping[str, object]) -> bool:
        seen.append(what(external_id, attributes))
        return True

    return accepts


def test_each_conversation_goes_to_its_project(projects: Projects) -> None:
    first, second = projects.add("a", of("a")), projects.add("b", of("b"))

    for external_id, tenant in (("call-1", "a"), ("call-2", "b"), ("call-3", "a")):
        projects.talk(external_id, **{TENANT: tenant})

    assert projects.sent() == {"a": ["call-1", "call-3"], "b": ["call-2"]}
    assert (first.stats().declined, second.stats().declined) == (1, 2)
    assert (first.stats().finished, second.stats().finished) == (2, 1)


def test_without_it_every_project_gets_every_conversation(projects: Projects) -> None:
    projects.add("a")
    projects.add("b")
    projects.talk("call-1")

    assert projects.sent() == {"a": ["call-1"], "b": ["call-1"]}


def test_it_sees_the_resource_the_context_and_the_root_the_later_over_the_earlier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1000")  # which capture notes beside the resource
    seen: list[tuple[str, dict[str, object]]] = []
    with AnsweringServer() as server:
        projects = Projects(server, {"service.name": "shop", TENANT: "resource", "roark.property.where": "resource"})
        projects.add("a", noting(seen, lambda *said: (said[0], dict(said[1]))))
        with (
            roark_otel.call_attributes(external_id="call-1", properties={"tenant": "context", "line": "7"}),
            projects.tracer.start_as_current_span("call") as root,
        ):
            root.set_attribute(TENANT, "root")
            with projects.tracer.start_as_current_span("below", attributes={TENANT: "below"}) as below:
                customer_said(below, "Hello.")
        assert projects.sent() == {"a": ["call-1"]}

    ((external_id, attributes),) = seen
    assert external_id == "call-1"
    assert {
        TENANT: "root",
        "roark.property.line": "7",
        "roark.property.where": "resource",
    }.items() <= attributes.items()
    assert attributes["service.name"] == "shop"
    assert not [name for name in attributes if name.startswith("roark.sdk.")]


def test_it_is_asked_once_and_its_first_answer_holds(projects: Projects) -> None:
    """Though it would answer otherwise later, and though more roots of the conversation come."""
    answers = iter([True, False, False, False])
    processor = projects.add("a", lambda *_: next(answers), quiet_seconds=3_600)
    for _ in range(3):
        projects.talk("call-1")
        assert processor.force_flush(60_000)

    assert next(answers) is False
    assert projects.sent()["a"][:1] == ["call-1"]


@pytest.mark.faults
@pytest.mark.parametrize("answer", [lambda: 1 / 0, lambda: None, lambda: "yes", lambda: 1])
def test_a_conversation_about_which_it_says_nothing_is_kept_and_not_sent(
    answer: Callable[[], Any], projects: Projects, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """It may be another customer's. It is not lost: whoever knows better sends it."""
    processor = projects.add("a", lambda *_: answer(), spool_dir=tmp_path / "spool")
    projects.talk("call-1")

    assert projects.sent() == {"a": []}
    assert processor.stats().rejected == 1
    (directory,) = (path for path in (tmp_path / "spool").iterdir() if len(path.name) == 16)
    assert len(rejected_files(directory)) == 1
    assert "accepts" in caplog.text

    assert roark_otel.attach_recording("call-1", URL) == roark_otel.types.Kept()
    assert cli.main(["spool", "retry", "call-1", "--spool-dir", str(tmp_path / "spool")]) == 0
    assert [path for path in directory.glob("*.ready.jsonl") if b"call-1" in path.read_bytes()]


def test_one_that_hangs_holds_up_no_other_and_nothing_of_it_is_sent(
    projects: Projects, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hook_thread, "DEADLINE_SECONDS", 0.2)
    may_end = threading.Event()

    def accepts(external_id: str, _attributes: object) -> bool:
        return external_id != "call-1" or may_end.wait(60.0)

    processor = projects.add("a", accepts)
    try:
        projects.talk("call-1")
        projects.talk("call-2")
        assert projects.sent() == {"a": ["call-2"]}
    finally:
        may_end.set()

    assert processor.stats().rejected == 1
    assert "did not answer in time" in caplog.text


def test_it_is_never_called_on_a_thread_of_the_app_nor_about_other_spans(projects: Projects) -> None:
    seen: list[tuple[str, int]] = []
    projects.add("a", noting(seen, lambda external_id, _: (external_id, threading.get_ident())))
    for _ in range(100):
        with projects.tracer.start_as_current_span("GET /"):
            pass
    projects.talk("call-1")
    projects.sent()

    ((external_id, thread),) = seen
    assert external_id == "call-1"
    assert thread not in {one.ident for one in threading.enumerate() if one.name == "MainThread"}


def test_if_no_processor_takes_a_conversation_that_is_said_once(
    projects: Projects, caplog: pytest.LogCaptureFixture
) -> None:
    projects.add("a", of("a"))
    projects.add("b", of("b"))
    projects.talk("call-1", **{TENANT: "a"})
    assert projects.sent() == {"a": ["call-1"], "b": []}
    assert "no processor takes" not in caplog.text

    for number in range(3):
        projects.talk(f"stray-{number}", **{TENANT: "c"})
    assert projects.sent() == {"a": ["call-1"], "b": []}

    assert caplog.text.count("no processor takes") == 1


def test_one_without_it_takes_what_others_leave(projects: Projects, caplog: pytest.LogCaptureFixture) -> None:
    projects.add("a", of("a"))
    projects.add("b")
    projects.talk("call-1")

    assert projects.sent() == {"a": [], "b": ["call-1"]}
    assert "no processor takes" not in caplog.text


def test_one_that_was_shut_down_takes_nothing_from_others(projects: Projects, caplog: pytest.LogCaptureFixture) -> None:
    projects.add("b").shutdown()
    projects.processors.pop("b")
    projects.provider = TracerProvider(shutdown_on_exit=False)
    projects.tracer = projects.provider.get_tracer("app")
    projects.add("a", of("a"))
    projects.talk("call-1")

    assert projects.sent() == {"a": []}
    assert "no processor takes" in caplog.text


def test_nothing_of_what_is_left_to_others_reaches_the_disk(projects: Projects, tmp_path: Path) -> None:
    """Also not while the conversation goes on."""
    processor = projects.add("a", of("a"), spool_dir=tmp_path / "spool")
    root = projects.tracer.start_span("call", attributes={ID: "call-1", TENANT: "b"})
    customer_said(root, "Hello.")
    taken = projects.tracer.start_span("call", attributes={ID: "call-2", TENANT: "a"})
    customer_said(taken, "Hello.")
    wait_until(lambda: processor.stats().going_on == 1, 60.0)
    for span in (root, taken):
        span.end()
    assert projects.sent() == {"a": ["call-2"]}

    assert processor.stats().declined == 1
    assert [path for path in (tmp_path / "spool").rglob("*.jsonl") if b"call-1" in path.read_bytes()] == []


def test_a_conversation_of_a_handle_and_one_of_a_framework_s_own_id(projects: Projects) -> None:
    seen: list[str] = []
    projects.add("a", noting(seen, lambda external_id, _: external_id), auto_external_id=True)
    with roark_otel.conversation("call-1", tracer_provider=projects.provider) as call:
        call.customer_said("Hello.")
    framework = projects.provider.get_tracer("pipecat")
    with framework.start_as_current_span("conversation", attributes={"conversation.id": "own-1"}) as root:
        with framework.start_as_current_span("turn"), framework.start_as_current_span("stt") as stt:
            stt.set_attribute("transcript", "Hello.")
            stt.set_attribute("is_final", True)
        root.set_attribute("conversation.type", "voice")
    sent = projects.sent()["a"]

    assert "call-1" in sent
    assert sorted(seen) == sent


def test_a_fragment_is_nobody_s(projects: Projects) -> None:
    """Its id is from baggage alone: the process that owns the conversation is asked."""
    seen: list[str] = []
    processor = projects.add("a", noting(seen, lambda external_id, _: external_id))
    token = context.attach(baggage.set_baggage(ID, "call-1"))
    try:
        with projects.tracer.start_as_current_span("call") as root:
            customer_said(root, "Hello.")
    finally:
        context.detach(token)

    assert projects.sent() == {"a": []}
    assert (seen, processor.stats().fragments) == ([], 1)


def test_a_recording_is_attached_where_the_call_is(projects: Projects) -> None:
    projects.add("a", of("a"), recording_url=None)
    projects.add("b", of("b"), recording_url=None)
    projects.talk("call-1", **{TENANT: "b"})
    assert projects.sent() == {"a": [], "b": []}
    wait_until(lambda: projects.processors["b"].stats().awaiting_recording == 1, 60.0)

    assert roark_otel.attach_recording("call-1", URL) == roark_otel.types.Attached(1)
    wait_until(lambda: projects.sent() == {"a": [], "b": ["call-1"]}, 60.0)
    assert roark_otel.get_processor() is projects.processors["a"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_asks_for_its_own_conversations(projects: Projects) -> None:
    projects.add("a", of("a"))
    projects.add("b", of("b"))
    projects.talk("parent", **{TENANT: "a"})
    if not (pid := os.fork()):
        projects.talk("child-1", **{TENANT: "a"})
        projects.talk("child-2", **{TENANT: "b"})
        os._exit(0 if roark_otel.force_flush(60_000) else 1)
    assert os.waitpid(pid, 0)[1] == 0

    assert projects.sent() == {"a": ["child-1", "parent"], "b": ["child-2"]}


def test_two_processors_of_one_project_share_the_first_one_s(
    projects: Projects, caplog: pytest.LogCaptureFixture
) -> None:
    projects.add("a", of("a"))
    projects.add("a", of("b"))
    projects.talk("call-1", **{TENANT: "b"})

    assert projects.sent() == {"a": []}
    assert "has other settings, which are ignored" in caplog.text


def test_what_is_not_a_function_is_an_error(projects: Projects) -> None:
    with pytest.raises(ValueError, match=r"^roark_otel: accepts: must be a function"):
        projects.add("a", "tenant")


@contextmanager
def zero_code(**arguments: Any) -> Iterator[None]:
    instrumentor = pytest.importorskip("roark_otel._setup.instrumentor").RoarkInstrumentor()
    instrumentor.instrument(**arguments)
    try:
        yield
    finally:
        instrumentor.uninstrument()


def test_zero_code_and_configure_take_it_too(projects: Projects, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry import trace

    monkeypatch.setattr(trace, "_TRACER_PROVIDER", projects.provider)
    settings: dict[str, Any] = {"base_url": projects.server.url, "linger_seconds": NEVER, "quiet_seconds": NEVER}
    with zero_code(api_key="a", accepts=of("a"), recording_url_template=URL, **settings):
        projects.processors["a"] = next(iter(projects.provider._active_span_processor._span_processors))  # type: ignore[assignment]
        projects.talk("call-1", **{TENANT: "a"})
        projects.talk("call-2", **{TENANT: "b"})
        assert projects.sent() == {"a": ["call-1"]}

    monkeypatch.setattr(trace, "_TRACER_PROVIDER", other := TracerProvider(shutdown_on_exit=False))
    roark_otel.configure(api_key="b", accepts=of("b"), recording_url=URL, **settings)
    projects.tracer = other.get_tracer("app")
    projects.processors["b"] = projects.processors["a"]
    projects.talk("call-3", **{TENANT: "a"})
    projects.talk("call-4", **{TENANT: "b"})
    assert projects.sent()["b"] == ["call-4"]


def test_the_traces_of_a_conversation_go_to_its_project_alone(projects: Projects) -> None:
    for tenant in ("a", "b"):
        projects.add(tenant, of(tenant), export_traces=True)
    for external_id, tenant in (("call-1", "a"), ("call-2", "b"), ("stray", "c")):
        with projects.tracer.start_as_current_span("call", attributes={ID: external_id, TENANT: tenant}) as root:
            with projects.tracer.start_as_current_span(f"below-{external_id}"):
                pass
            customer_said(root, "Hello.")
    for processor in projects.processors.values():
        assert processor.force_flush(60_000)

    exported = {"a": b"", "b": b""}
    for seen in projects.server.seen:
        if seen.path == "/v1/traces":
            exported[seen.headers["authorization"].removeprefix("Bearer ")] += seen.body
    found = {
        key: [name for name in ("below-call-1", "below-call-2", "below-stray") if name.encode() in body]
        for key, body in exported.items()
    }
    assert found == {"a": ["below-call-1"], "b": ["below-call-2"]}
    assert json.dumps(projects.sent()) == '{"a": ["call-1"], "b": ["call-2"]}'
