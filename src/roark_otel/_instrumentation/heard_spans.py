"""Writes what was heard as spans, for the engines of this process only, or for the app's exporters if it asks for it.

Spans, because a conversation is its spans: what is heard finds its conversation, its id and its place in time as
everything else does, and a gateway in another process reads the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from roark_otel._engine import process, registry
from roark_otel._handles.arguments import json_text
from roark_otel._safety.guard import guarded
from roark_otel.dialects.heard import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.util.types import AttributeValue

    from roark_otel._engine.engine import Engine

_NO_LIMITS: Final = SpanLimits(
    max_attributes=SpanLimits.UNSET,
    max_events=SpanLimits.UNSET,
    max_span_attributes=SpanLimits.UNSET,
    max_event_attributes=SpanLimits.UNSET,
    max_attribute_length=SpanLimits.UNSET,
    max_span_attribute_length=SpanLimits.UNSET,
)
"""Limits that the environment sets are meant for the app's exporters."""

_WITH_WORDS: Final = frozenset({names.TEXT, names.TOOL_ARGUMENTS, names.TOOL_RESULT, names.TOOL_ERROR})


def _engines_for(name: str, within: trace.SpanContext | None) -> list[Engine]:
    """Returns the engines that may have a span: where there are several, those that know the conversation around it.

    An app may send the conversations of each provider to another project, one with content and one without.
    """
    engines = registry.engines() or process.living()
    if len(engines) < 2 or within is None or not within.is_valid:
        return engines
    knowing = [engine for engine in engines if engine.knows(within.trace_id)]
    return knowing or (engines if name == names.CONVERSATION else [])


class _ToEngines(SpanProcessor):
    """Gives spans to engines of this process, and to no exporter."""

    @guarded(None)
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Gives a span that starts to the engines."""
        for engine in _engines_for(span.name, span.parent):
            engine.hooks.on_start(span, parent_context)

    @guarded(None)
    def on_end(self, span: ReadableSpan) -> None:
        """Gives a span that has ended to the engines."""
        for engine in _engines_for(span.name, span.parent):
            engine.hooks.on_end(span)


class HeardSpans:
    """Writes spans of one instrumentation.

    Args:
        framework: The framework that is listened to, by the name of its dialect.
        app_provider: Where the spans are written if the app's exporters shall have them, as `instrumentation_spans`
            says. Default: the global provider.
        words: The attributes that those exporters do not get where content is off.
    """

    def __init__(
        self,
        framework: str,
        app_provider: trace.TracerProvider | None = None,
        words: frozenset[str] = _WITH_WORDS,
    ) -> None:
        self._scope = names.scope_of(framework)
        self._app_provider = app_provider
        self._words = words

    @guarded(None)
    def write(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue | None],
        start_ns: int,
        end_ns: int,
        *,
        within: Context,
        resource: Resource | None = None,
    ) -> None:
        """Writes a span that has ended.

        Args:
            name: One of `dialects.heard.names`.
            attributes: Its attributes; those that are None are left out.
            start_ns: Its start, in nanoseconds since the epoch.
            end_ns: Its end.
            within: A context whose span is above it.
            resource: The resource of the framework's own spans, which may name the conversation.
        """
        span = self.begin(name, attributes, start_ns, within=within, resource=resource)
        if span is not None:
            span.end(max(start_ns, end_ns))

    @guarded(None)
    def begin(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue | None],
        start_ns: int,
        *,
        within: Context,
        resource: Resource | None = None,
    ) -> trace.Span | None:
        """Begins a span, as `write` does; the caller keeps and ends it. Returns None after a fault."""
        around = trace.get_current_span(within).get_span_context()
        settings = [engine.settings for engine in _engines_for(name, around)]
        kept = {key: value for key, value in attributes.items() if value is not None}
        if any(one.instrumentation_spans for one in settings):
            provider = self._app_provider or trace.get_tracer_provider()
            if not all(one.capture_content for one in settings):
                kept = {key: value for key, value in kept.items() if key not in self._words}
        else:
            provider = _private_provider(resource or Resource.get_empty())
        return provider.get_tracer(self._scope).start_span(name, within, attributes=kept, start_time=start_ns)


@lru_cache(maxsize=16)
def _private_provider(resource: Resource) -> TracerProvider:
    """Returns a provider without exporters. Content is masked by the engines, as on any span."""
    made = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False, span_limits=_NO_LIMITS)
    made.add_span_processor(_ToEngines())
    return made


def said(
    text: str,
    *,
    interrupted: bool = False,
    language: str | None = None,
    agent: str | None = None,
    way: str | None = None,
) -> dict[str, AttributeValue | None]:
    """Returns the attributes of `agent_said` or `customer_said`."""
    return {
        names.TEXT: text,
        names.INTERRUPTED: interrupted or None,
        names.LANGUAGE: language,
        names.AGENT: agent,
        names.WAY: way,
    }


def used(
    name: str, call_id: str | None, arguments: object, result: object = None, error: str | None = None
) -> dict[str, AttributeValue | None]:
    """Returns the attributes of `tool_used`. Arguments and result may be any values."""
    return {
        names.TOOL_NAME: name,
        names.TOOL_ID: call_id,
        names.TOOL_ARGUMENTS: arguments if isinstance(arguments, str) else json_text(arguments),
        names.TOOL_RESULT: None if result is None else result if isinstance(result, str) else json_text(result),
        names.TOOL_ERROR: error,
    }
