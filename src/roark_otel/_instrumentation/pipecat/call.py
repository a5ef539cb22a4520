"""Writes what an observer hears, below Pipecat's own conversation or, where it traces nothing, below another root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource

from roark_otel._instrumentation.heard_spans import HeardSpans, said, used
from roark_otel.dialects.heard import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

    from roark_otel._instrumentation.pipecat.agent import Spoken
    from roark_otel._instrumentation.pipecat.customer import Said
    from roark_otel._instrumentation.pipecat.tools import Use

CONVERSATION_ID: Final = "conversation.id"


class Call:
    """Writes one conversation.

    Args:
        attributes: What the app puts on Pipecat's own span, such as the call's id.
        conversation_id: Pipecat's own id of the conversation, as far as the app gives one.
        tracing: Pipecat's tracing context of the pipeline, None where it traces nothing.
    """

    def __init__(self, attributes: Mapping[str, AttributeValue], conversation_id: str | None, tracing: object) -> None:
        self._spans = HeardSpans("pipecat")
        self._attributes = {**attributes, CONVERSATION_ID: conversation_id or str(uuid4())}
        self._tracing = tracing
        self._within: Context | None = None
        self._root: trace.Span | None = None
        self._resource: Resource | None = None
        self._begun_ns: int | None = None
        self._is_over = False

    def begin(self, at_ns: int) -> None:
        """Begins a root where Pipecat traces nothing, in the context in which Pipecat would; else finds Pipecat's.

        It is called while the pipeline starts, again and again: Pipecat's conversation may begin a little later.
        """
        self._begun_ns = self._begun_ns or at_ns
        if self._tracing is not None:
            self._is_found()
        elif self._root is None:
            self._begin_root(at_ns)

    def spoke(self, spoken: Spoken) -> None:
        """Writes what the agent said."""
        attributes = said(spoken.text, interrupted=spoken.is_interrupted, agent=spoken.agent)
        attributes[names.TIMED] = None if spoken.is_timed else False
        self._write(names.AGENT_SAID, attributes, spoken.start_ns, spoken.end_ns)

    def said(self, one: Said, way: str | None = None) -> None:
        """Writes what the customer said, or entered in another way."""
        attributes = said(one.text, language=one.language, way=way)
        attributes[names.TIMED] = None if one.is_timed and way is None else False
        self._write(names.CUSTOMER_SAID, attributes, one.start_ns, one.end_ns)

    def used(self, use: Use) -> None:
        """Writes a use of a tool."""
        attributes = used(use.name, use.call_id, use.arguments, use.result)
        attributes[names.AGENT] = use.agent
        self._write(names.TOOL_USED, attributes, use.start_ns, use.end_ns)

    def end(self, at_ns: int, facts: Mapping[str, AttributeValue]) -> None:
        """Writes what is known of the whole call, and ends the root. Nothing is written after that."""
        attributes = {names.FACT + name: value for name, value in facts.items()}
        if self._root is not None:
            self._root.set_attributes(attributes)
            self._root.end(at_ns)
        elif self._is_found():
            self._write(names.ENDED, attributes, at_ns, at_ns)
        self._is_over = True

    def _write(self, name: str, attributes: Mapping[str, AttributeValue | None], start_ns: int, end_ns: int) -> None:
        if self._is_over:
            return
        if self._root is None and not self._is_found():
            self._begin_root(self._begun_ns or start_ns)
        within = self._within
        if within is not None and trace.get_current_span(within).get_span_context().trace_flags.sampled:
            self._spans.write(name, attributes, start_ns, end_ns, within=within, resource=self._resource)

    def _is_found(self) -> bool:
        """Returns whether Pipecat's conversation is known. It is none where the app has no provider."""
        if self._within is None:
            ask = getattr(self._tracing, "get_conversation_context", None)
            found: Context | None = None if ask is None else ask()
            if found is not None and trace.get_current_span(found).get_span_context().is_valid:
                self._within, self._resource = found, _resource()
        return self._within is not None

    def _begin_root(self, at_ns: int) -> None:
        self._resource = _resource()
        here = otel_context.get_current()
        self._root = self._spans.begin(
            names.CONVERSATION, self._attributes, at_ns, within=here, resource=self._resource
        )
        if self._root is not None:
            self._within = trace.set_span_in_context(self._root, otel_context.Context())


def _resource() -> Resource | None:
    """Returns the resource of the app's spans, which names its service."""
    found = getattr(trace.get_tracer_provider(), "resource", None)
    return found if isinstance(found, Resource) else None
