"""An app in which everything goes wrong that can, with secrets in all of it. Everything is logged, at every level.

    python leaky_app.py URL FOLDER on|off

Logs go to FOLDER/log, metrics to FOLDER/metrics; tracebacks and what threads raise go to stderr.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context, set_tracer_provider

import roark_otel
from roark_otel import RoarkSpanProcessor, attach_recording
from roark_otel.dialects import DIALECTS
from roark_otel.types import Dialect, FinishedCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.trace import Tracer

KEY = "key-sesame-open"
PROXY = "http://user:proxy-sesame@127.0.0.1:9"
RECORDING = "https://example.com/a.wav"
SAID, GIVEN, RETURNED = "word-said one two", "word-given", "word-returned"
TIMEOUT = 5.0
"""So long an answer is waited for: much longer than a slow machine takes, so that each answer of the server is read."""

PATIENCE = 60.0
MESSAGES = '[{"role": "user", "parts": [{"type": "text", "content": "word-said"}]}]'


class Everything(logging.Formatter):
    """Writes all of a record: its message, arguments, extras and exception."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{super().format(record)} {record.__dict__!r}"


class Raises:
    """A reader of an app's dialect that quotes what was said."""

    def read(self, span: Any) -> None:
        if "raise" in span.attributes:
            raise ValueError(SAID, span.attributes)

    def moments(self) -> Iterable[Any]:
        return ()


def hook(*_given: Any) -> Any:
    raise RuntimeError(SAID)


taken: list[str] = []
"""The calls that Roark has taken, by the receipts of the first processor."""


def hook_of_receipts(call: FinishedCall, _receipt: Any) -> None:
    taken.append(call.external_id)
    raise RuntimeError(SAID)


def hook_that_exits(*_given: Any) -> Any:
    raise SystemExit(SAID)


def talk(tracer: Tracer, external_id: str, **more: Any) -> None:
    """Holds a conversation in which every place for words has some, some of them where nothing can be read."""
    about: dict[str, Any] = {
        "roark.external_id": external_id,
        "roark.conversation.root": True,
        "roark.agent.prompt": "word-prompted",
        "roark.agent.description": "word-described",
        "roark.started_at": "not a time",
        "roark.recording_url": "word-said",
        "raise": True,
        **more,
    }
    with tracer.start_as_current_span("call", attributes=about) as root:
        root.add_event("roark.transcript", {"role": "agent", "text": SAID, "payload": '{"a": "word-carried"}'})
        root.add_event("roark.transcript", {"role": "word-said", "text": SAID, "duration_ms": "word-said"})
        use = {"name": "find", "parameters": '{"a": "word-given"}', "result": '{"r": "word-returned"}'}
        root.add_event("roark.tool_invocation", {**use, "description": "word-described"})
        root.add_event("roark.tool_invocation", {"name": "find", "parameters": "[word-given", "result": RETURNED})
        root.add_event("roark.tool_invocation", {"name": "find", "error": "word-failed"})
        with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as chat:
            chat.set_attributes({"gen_ai.input.messages": MESSAGES, "gen_ai.output.messages": MESSAGES[:-3]})
        with tracer.start_as_current_span("execute_tool find") as tool:
            tool.set_attributes({"gen_ai.tool.name": "find", "gen_ai.operation.name": "execute_tool"})
            tool.set_attributes(
                {"gen_ai.tool.call.arguments": '{"a": "word-given"', "gen_ai.tool.call.result": RETURNED}
            )
        with suppress(ValueError), tracer.start_as_current_span("turn"):
            raise ValueError("word-raised")


def handles() -> None:
    """The same through the handles, with arguments that cannot be used, and an exception of the app's own."""
    with suppress(ZeroDivisionError), roark_otel.conversation("handles", recording_url=RECORDING) as call:
        call.customer_said(SAID, start_time="word-said")  # type: ignore[arg-type]
        call.agent_said(SAID, payload={"a": "word-carried"})
        with suppress(KeyError), call.tool("find", {"a": GIVEN, "b": object()}) as tool:
            tool.result({"r": RETURNED})
            raise KeyError("word-failed")
        raise ZeroDivisionError("word-raised")


def late(tracer: Tracer, processor: RoarkSpanProcessor) -> None:
    """Says more on spans that end when the call was sent."""
    root = tracer.start_span("call", attributes={"roark.external_id": "late", "roark.recording_url": RECORDING})
    child = tracer.start_span("turn", set_span_in_context(root))
    root.add_event("roark.transcript", {"role": "agent", "text": SAID})
    root.end()
    until_taken(processor, "late")
    child.add_event("roark.transcript", {"role": "customer", "text": SAID})
    child.add_event("roark.tool_invocation", {"name": "find", "parameters": '{"a": "word-given"}', "result": RETURNED})
    child.end()
    processor.force_flush(5_000)


def until_taken(processor: RoarkSpanProcessor, external_id: str) -> None:
    """Flushes until Roark has a call, on however slow a machine. Without a flush the answer 402 is heeded."""
    deadline = time.monotonic() + PATIENCE
    while external_id not in taken and time.monotonic() < deadline:
        processor.force_flush(500)
        time.sleep(0.02)


def mistakes() -> None:
    """Bad arguments, with the traceback that an app would print."""
    for given in (
        {"api_key": f"{KEY} with blanks"},
        {"api_key": KEY, "base_url": "http://user:url-sesame@elsewhere.example.com"},
        {"api_key": KEY, "base_url": "ftp://user:url-sesame@127.0.0.1/x"},
        {"api_key": KEY, "redact_patterns": KEY},
        {"api_key": KEY, "recording_url": 17},
        {"api_key": KEY, "spool_max_bytes": KEY},
        {"api_key": KEY, "recording_url_template": "https://example.com/{unknown}"},
    ):
        try:
            RoarkSpanProcessor(**given)
        except (ValueError, TypeError):
            traceback.print_exc()


def through_a_proxy(content: bool) -> None:
    """Sends a call to an address that only a proxy reaches, which refuses."""
    os.environ.update(HTTP_PROXY=PROXY, HTTPS_PROXY=PROXY, ALL_PROXY=PROXY, NO_PROXY="127.0.0.1")
    provider, processor = traced("https://roark.example.com", content)
    talk(provider.get_tracer("app"), "proxied")
    processor.force_flush(1_500)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        del os.environ[name]


def traced(url: str, content: bool, **more: Any) -> tuple[TracerProvider, RoarkSpanProcessor]:
    provider = TracerProvider(shutdown_on_exit=False)
    processor = RoarkSpanProcessor(
        api_key=KEY,
        base_url=url,
        capture_content=content,
        linger_seconds=0,
        quiet_seconds=0,
        http_timeout_seconds=TIMEOUT,
        exit_timeout_seconds=5,
        dialects=[*DIALECTS, Dialect("app", lambda _: Raises(), prefixes=("raise",))],
        **{"recording_url": RECORDING, **more},
    )
    provider.add_span_processor(processor)
    return provider, processor


def damage() -> None:
    """Leaves files that cannot be read in the directories of this app."""
    for directory in Path(os.environ["ROARK_SPOOL_DIR"]).iterdir():
        if len(directory.name) == 16:
            for stage in ("ready", "waiting", "open", "late"):
                (directory / f"{stage}-1.{stage}.jsonl").write_bytes(b'word-damaged\n{"a": "word-damaged"}\n')


def in_child(work: Callable[[], None]) -> None:
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def main(url: str, folder: Path, content: bool) -> None:
    handler = logging.FileHandler(folder / "log", encoding="utf-8")
    handler.setFormatter(Everything("%(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=1, handlers=[handler])
    for name in ("httpx", "httpcore", "asyncio", "opentelemetry", "roark_otel"):
        logging.getLogger(name).setLevel(1)
    reader = InMemoryMetricReader()
    provider, processor = traced(
        url, content, export_traces=True, on_receipt=hook_of_receipts, meter_provider=MeterProvider([reader])
    )
    set_tracer_provider(provider)  # of the handles
    tracer = provider.get_tracer("app")
    talk(tracer, "odd", **({"roark.started_at": SAID, "roark.call_direction": SAID} if content else {}))
    for number in range(14):  # one for each answer of the server
        talk(tracer, f"call-{number}", **{"roark.recording_url": RECORDING})
        processor.force_flush(1_000)
    damage()
    handles()
    late(tracer, processor)

    def of_child() -> None:
        talk(tracer, "child")
        processor.force_flush(2_000)

    in_child(of_child)
    for number, more in enumerate(
        ({"redact": hook}, {"redact": hook_that_exits}, {"recording_url": hook}, {"on_receipt": hook_that_exits})
    ):
        other, of_hooks = traced(url, content, project_id=f"project-{number}", **more)
        talk(other.get_tracer("app"), f"hooks-{number}")
        of_hooks.force_flush(3_000)
    attach_recording("call-0", "https://example.com/b.wav")
    with suppress(ValueError):
        attach_recording("call-0", "word-said")
    mistakes()
    through_a_proxy(content)
    thread = threading.Thread(target=lambda: talk(tracer, "thread", **{"roark.recording_url": RECORDING}))
    thread.start()
    thread.join()
    found = reader.get_metrics_data()
    (folder / "metrics").write_text(found.to_json() if found else "", encoding="utf-8")
    sys.stderr.write(f"{processor.stats()}\n")
    provider.force_flush(5_000)
    open_at_exit = tracer.start_span("call", attributes={"roark.external_id": "open", "roark.recording_url": RECORDING})
    open_at_exit.add_event("roark.transcript", {"role": "agent", "text": SAID})
    handlers_of_exit.append(open_at_exit)


handlers_of_exit: list[Any] = []
"""Keeps a span open until the process ends."""

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "on")
