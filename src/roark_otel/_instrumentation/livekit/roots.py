"""The root span of a session: below it stands what is heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.sdk.resources import Resource

from roark_otel._instrumentation.livekit.privacy import keeps_private

if TYPE_CHECKING:
    import weakref
    from types import ModuleType

_NAME: Final = "agent_session"


@dataclass(frozen=True, slots=True)
class SessionSpan:
    """A root span that is recorded.

    Attributes:
        context: The context that the session works in.
        span: The span.
        provider: Where the framework writes its spans.
        resource: Of the framework's spans; None if they have none.
    """

    context: Context
    span: trace.Span
    provider: trace.TracerProvider
    resource: Resource | None
    _framework: ModuleType
    _session: weakref.ref[object]

    def keeps_private(self) -> bool:
        """Returns whether no word of the session may leave it."""
        return keeps_private(self._framework, self._session(), self.span, self.provider)


def context_of(session: object) -> Context | None:
    """Returns the context below which a session writes its spans, None before its start and after its end."""
    found = getattr(session, "_root_span_context", None)
    return found if isinstance(found, Context) else None


def current_context() -> Context | None:
    """Returns the context of a session that has just started here, where a version does not keep it as others do."""
    found = get_current()
    return found if getattr(trace.get_current_span(found), "name", None) == _NAME else None


def root_in(context: Context, framework: ModuleType, session: weakref.ref[object]) -> SessionSpan | None:
    """Returns the root span of a context, None if a sampler dropped it: then nothing is written below it."""
    span = trace.get_current_span(context)
    if not span.is_recording():
        return None
    resource = getattr(span, "resource", None)
    known = resource if isinstance(resource, Resource) else None
    return SessionSpan(context, span, _provider_of(framework), known, framework, session)


def _provider_of(framework: ModuleType) -> trace.TracerProvider:
    tracer = getattr(getattr(framework, "telemetry", None), "tracer", None)
    found = getattr(tracer, "_tracer_provider", None)
    if isinstance(found, trace.TracerProvider) and not isinstance(found, trace.ProxyTracerProvider):
        return found
    return trace.get_tracer_provider()
