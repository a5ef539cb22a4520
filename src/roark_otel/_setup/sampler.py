"""A sampler that records every conversation: spans that another sampler drops are recorded for the call, not exported.

A span that a sampler drops never reaches a processor, so at a ratio of 1 % ninety-nine of a hundred calls would be
missing. Here the other sampler still decides what is exported; a span of a conversation that it drops is recorded
(RECORD_ONLY): our processor sees it, exporters do not, and the flag in outgoing headers stays unsampled.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from opentelemetry import baggage
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import get_current_span

from roark_otel._capture import call_context
from roark_otel._capture.capture import shows_an_id
from roark_otel._safety.guard import guarded
from roark_otel._settings.on_demand import settings_class
from roark_otel.attributes import CONVERSATION_ROOT, EXTERNAL_ID
from roark_otel_zero_code import delegate_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

_READ: Final = ("ROARK_EXTERNAL_ID_KEYS", "ROARK_OBSERVABILITY_ENABLED")


class RoarkSampler(Sampler):
    """Records the spans of conversations that another sampler drops, so that their calls are still made.

    A span belongs to a conversation if, when it starts, its attributes, `call_attributes` or baggage have an external
    id, or if it is marked as a root, or if its trace or its parent belongs to one already. An id that is set after the
    start comes too late: a span that a sampler has dropped cannot be brought back.

    Make it the outermost sampler: `TracerProvider(sampler=RoarkSampler(ParentBased(TraceIdRatioBased(0.01))))`, or in
    the environment `OTEL_TRACES_SAMPLER=roark`, see `sampler_from_argument`.

    Args:
        delegate: The sampler that decides what is exported.
        external_id_keys: As for `RoarkSpanProcessor`. Default: `ROARK_EXTERNAL_ID_KEYS`.

    Raises:
        ValueError: if `delegate` is not a sampler.
    """

    def __init__(self, delegate: Sampler, *, external_id_keys: Sequence[str] | None = None) -> None:
        if not isinstance(delegate, Sampler):  # pyright: ignore[reportUnnecessaryIsInstance] - not all apps have types
            raise ValueError("roark_otel: delegate: must be a sampler, such as ParentBased(TraceIdRatioBased(0.1))")
        settings = settings_class().from_env({name: os.environ.get(name, "") for name in _READ})
        self._delegate = delegate
        self._is_enabled = settings.enabled
        keys = settings.external_id_keys if external_id_keys is None else external_id_keys
        self._relevant = frozenset({EXTERNAL_ID, CONVERSATION_ROOT, *keys})

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Returns what the delegate decides, but RECORD_ONLY for a span of a conversation that it would drop."""
        result = self._delegate.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if result.decision is not Decision.DROP or not self._is_of_a_call(parent_context, trace_id, attributes):
            return result
        # The SDK's samplers return a DROP without the attributes, and the id is among these.
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    @guarded(False)
    def _is_of_a_call(self, parent_context: Context | None, trace_id: int, attributes: Attributes) -> bool:
        if not self._is_enabled:
            return False
        if attributes and not self._relevant.isdisjoint(attributes):
            return True
        if call_context.in_use and EXTERNAL_ID in call_context.call_attributes_in(parent_context):
            return True
        parent = get_current_span(parent_context)
        if parent.is_recording() and not parent.get_span_context().trace_flags.sampled:
            return True  # the parent is recorded and not exported, so this span is too
        return shows_an_id(trace_id) or baggage.get_baggage(EXTERNAL_ID, parent_context) is not None

    def get_description(self) -> str:
        """Returns its own name and the delegate's, for logs."""
        return f"RoarkSampler{{{self._delegate.get_description()}}}"


def sampler_from_argument(argument: str | None = None) -> RoarkSampler:
    """Makes the sampler of `OTEL_TRACES_SAMPLER=roark`; `argument` is `OTEL_TRACES_SAMPLER_ARG`, see `delegate_of`."""
    return RoarkSampler(delegate_of(argument))
