"""Hands messages that are on no span to the engines of this process, below the span of the model's call."""

from __future__ import annotations

from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context

from roark_otel._engine import process, registry
from roark_otel._instrumentation.heard_spans import HeardSpans
from roark_otel.dialects.gen_ai import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AttributeValue

    from roark_otel._engine.engine import Engine

MAX_CLAIMS: Final = 1_024
"""The most spans of which is remembered who handed over their messages."""


class By(Enum):
    """Who hands messages over."""

    LOG_EVENT = "a log event"
    HOOK = "a completion hook"


_heard: Final = HeardSpans(names.DIALECT, words=names.WITH_WORDS)
_places = count()
_claims: dict[int, By] = {}
"""Who handed over the messages of a span: where a hook and a log event have the same ones, the first of them has."""


def hand_over(
    by: By,
    name: str,
    about: Callable[[], Mapping[str, AttributeValue]],
    within: trace.SpanContext,
    at_ns: int,
) -> None:
    """Writes messages as a short span, unless there is no engine for them.

    Args:
        by: Who hands them over.
        name: The name of the log event that holds them, or would hold them.
        about: Returns them as attributes; called only if an engine is to have them.
        within: The span of the model's call.
        at_ns: When that was, in nanoseconds since the epoch.
    """
    engines = registry.engines() or process.living()
    if not engines or not _may_be_known(engines, within):
        return
    is_whole = name == names.DETAILS_EVENT
    if (is_whole and _claims.get(within.span_id, by) is not by) or not (attributes := about()):
        return
    if is_whole:
        _claim(within.span_id, by)
    above = trace.set_span_in_context(trace.NonRecordingSpan(within), Context())
    _heard.write(name, {**attributes, names.PLACE: next(_places)}, at_ns, at_ns, within=above)


def _may_be_known(engines: list[Engine], within: trace.SpanContext) -> bool:
    """Returns whether the trace may be a conversation's: of one that is not sampled only if an engine knows it."""
    return within.trace_flags.sampled or any(engine.knows(within.trace_id) for engine in engines)


def _claim(span_id: int, by: By) -> None:
    if len(_claims) >= MAX_CLAIMS:
        for oldest in list(_claims)[: MAX_CLAIMS // 2]:
            _claims.pop(oldest, None)
    _claims[span_id] = by
