"""An app with a tracer provider and a logger provider, each with our processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from roark_otel import RoarkLogRecordProcessor
from support.helpers import ID, App
from support.models import hold, logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roark_otel.sandbox import Sandbox
    from support.models import Call


class Shop:
    """An app with a tracer provider and a logger provider, each with our processor."""

    def __init__(self, sandbox: Sandbox, **arguments: Any) -> None:
        self.sandbox = sandbox
        self.app = App(sandbox.url, **arguments)
        self.exported = InMemorySpanExporter()
        self.app.provider.add_span_processor(SimpleSpanProcessor(self.exported))
        self.logs = LoggerProvider(shutdown_on_exit=False)
        self.ours = RoarkLogRecordProcessor()
        self.logs.add_log_record_processor(self.ours)
        self.log = logger(self.logs)

    def hold(self, *ways: Callable[[Call], None]) -> dict[str, Any]:
        hold(self.app.tracer, self.log, *ways)
        return self.body()

    def one_call(self, event: Callable[[], object], attributes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Holds a conversation with one call of a model, in whose span something happens."""
        tracer = self.app.tracer
        about = {"gen_ai.operation.name": "chat", "gen_ai.agent.name": "shop"} if attributes is None else attributes
        with (
            tracer.start_as_current_span("conversation", attributes={ID: "call-1", "roark.conversation.root": True}),
            tracer.start_as_current_span("chat", attributes=about),
        ):
            event()
        return self.body()

    def body(self) -> dict[str, Any]:
        self.app.processor.force_flush(60_000)  # on a busy machine, megabytes take longer than an exit may
        self.app.close()
        found: dict[str, Any] = self.sandbox.call("call-1").body
        return found


def said(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Who said what, in order."""
    return [(one["role"], one["text"]) for one in body.get("transcript", ())]
