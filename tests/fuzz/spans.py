"""Spans of every dialect: its scopes, its names, its attributes and events, and anything at all as their values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from fuzz.values import GARBAGE, MESSAGES, ODD_TIMES, PLAIN, SAID, TIMES
from roark_otel import attributes
from roark_otel._model.dialect import Words
from roark_otel._model.rows import SpanEvent, SpanView
from roark_otel.dialects import DIALECTS
from roark_otel.dialects.gen_ai import names as gen_ai
from roark_otel.dialects.livekit import names as livekit
from roark_otel.dialects.openinference import names as openinference
from roark_otel.dialects.pipecat import names as pipecat
from support.helpers import ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from hypothesis.strategies import DrawFn, SearchStrategy

WORDS: Final = Words.joined(dialect.words for dialect in DIALECTS)

_NUMBERED: Final = (
    *("gen_ai.prompt.0.role", "gen_ai.prompt.0.content", "gen_ai.prompt.1.content", "gen_ai.completion.0.content"),
    *("gen_ai.completion.0.tool_calls.0.name", "gen_ai.completion.0.tool_calls.0.arguments"),
    *("llm.input_messages.0.message.role", "llm.input_messages.0.message.content"),
    *("llm.input_messages.1.message.contents.0.message_content.text", "llm.input_messages.x.message.content"),
    *("llm.output_messages.0.message.role", "llm.output_messages.0.message.content"),
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
)
_TRANSCRIPT: Final = (
    *("role", "text", "duration_ms", "language_code", "interrupted", "payload", "agent.custom_id", "customer.label"),
    *("name", "id", "parameters", "result", "error", "description"),
)


def _texts(module: ModuleType) -> Iterator[str]:
    for value in vars(module).values():
        for one in value if isinstance(value, (tuple, frozenset)) else (value,):
            if isinstance(one, str) and one and not one.endswith(".") and len(one) < 60:
                yield one


@dataclass(frozen=True)
class Tongue:
    """What a source of spans writes: scopes, names of spans, of attributes, and of events with their attributes."""

    scopes: tuple[str, ...]
    spans: tuple[str, ...]
    attributes: tuple[str, ...]
    events: tuple[str, ...] = ("exception",)
    event_attributes: tuple[str, ...] = ("exception.type", "exception.message", "exception.stacktrace")


def _tongue(module: ModuleType, scopes: Iterable[str], spans: Iterable[str], *more: str) -> Tongue:
    found = sorted({*_texts(module), *more})
    return Tongue(tuple(scopes), tuple(spans), tuple(name for name in found if "." in name or name.islower()))


_GEN_AI_EVENTS: Final = (
    *(gen_ai.SYSTEM_EVENT, gen_ai.USER_EVENT, gen_ai.ASSISTANT_EVENT, gen_ai.TOOL_EVENT, gen_ai.CHOICE_EVENT),
    *(gen_ai.DETAILS_EVENT, "exception", "gen_ai.content.prompt"),
)

_PIPECAT_SPANS: Final = (
    *("conversation", "turn", "stt", "llm", "tts", "llm_request", "llm_response", "llm_tool_call", "llm_tool_result"),
    "llm_setup",
)

TONGUES: Final = {
    "roark": Tongue(
        ("app", ""),
        ("call", "span"),
        tuple(sorted({value for name, value in vars(attributes).items() if name.isupper() and value != ID})),
        ("roark.transcript", "roark.tool_invocation", "roark.tool_call", "roark.tool_result", "exception"),
        (*_TRANSCRIPT, *(f"roark.{name}" for name in _TRANSCRIPT), "exception.type", "exception.message"),
    ),
    "livekit": _tongue(livekit, (livekit.SCOPE,), sorted(livekit.SPANS), "lk.sip.callID", "lk.pii.sip.phoneNumber"),
    "pipecat": _tongue(
        pipecat,
        sorted(pipecat.SCOPES),
        _PIPECAT_SPANS,
        *_NUMBERED[:3],
    ),
    "gen_ai": Tongue(
        ("agents", gen_ai.ADK_SCOPE, gen_ai.STRANDS_SCOPE, "logfire.openai_agents"),
        ("chat", "invoke_agent Ada", "execute_tool lookup", "transcription", "speech", gen_ai.MERGED_TOOLS),
        tuple(
            sorted({name for name in _texts(gen_ai) if "." in name or name in gen_ai.LOGFIRE_INPUTS} | set(_NUMBERED))
        ),
        _GEN_AI_EVENTS,
        ("content", "message", "role", "id", "tool_calls", "gen_ai.input.messages", "gen_ai.output.messages", "name"),
    ),
    "openinference": _tongue(
        openinference,
        ("agents", *openinference.FRAMEWORKS),
        ("pipecat.conversation.turn", "pipecat.stt", "pipecat.llm", "pipecat.tts", "ChatCompletion", "tool"),
        *_NUMBERED,
    ),
}
"""By the name of the dialect."""

_KINDS: Final = {
    gen_ai.OPERATION: ("chat", "invoke_agent", "execute_tool", "transcription", "speech", "invoke_workflow", "x"),
    openinference.KIND: ("LLM", "TOOL", "AGENT", "CHAIN", "llm", ""),
    gen_ai.TRACELOOP_KIND: ("workflow", "agent", "tool", "task"),
    "role": ("agent", "customer", "assistant", "user", "Agent", "", "robot"),
}


def _is_for_words(name: str) -> bool:
    return name.rpartition(".")[2] in WORDS.names | WORDS.whole


def _value_of(name: str, odd: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Returns the values of an attribute: words only where words belong."""
    if name in _KINDS:
        return st.sampled_from(_KINDS[name]) | odd
    if name.startswith(attributes.PREFIX) and name.rpartition(".")[2] in {"recording_url", "stereo_recording_url"}:
        return st.just("https://example.com/a.wav") | odd
    return SAID | MESSAGES | odd if _is_for_words(name) else odd


@cache
def _fields(names: tuple[str, ...], *, is_odd: bool) -> SearchStrategy[dict[str, Any]]:
    odd = PLAIN | GARBAGE if is_odd else PLAIN
    each = [st.tuples(st.just(name), _value_of(name, odd)) for name in names]
    return st.lists(st.one_of(each), max_size=6).map(dict)


@cache
def _events(tongue: Tongue, *, is_odd: bool) -> SearchStrategy[list[SpanEvent]]:
    fields = _fields(tongue.event_attributes, is_odd=is_odd)
    times = ODD_TIMES if is_odd else TIMES
    return st.lists(st.builds(SpanEvent, st.sampled_from(tongue.events), times, fields), max_size=3)


@dataclass(frozen=True)
class Traced:
    """The spans of one conversation, each after its parent, and orders in which they may end."""

    spans: tuple[SpanView, ...]
    orders: tuple[tuple[SpanView, ...], ...]


@st.composite
def traced(draw: DrawFn, *, is_odd: bool) -> Traced:
    """Spans of one or two dialects in a tree, below a root that has the external id.

    Args:
        draw: Draws of strategies.
        is_odd: Whether values, times and ids may be what no SDK would let an app write.
    """
    times = ODD_TIMES if is_odd else TIMES
    names = draw(st.lists(st.sampled_from(sorted(TONGUES)), min_size=1, max_size=2))
    spans: list[SpanView] = []
    for number in range(draw(st.integers(1, 7))):
        tongue = TONGUES[draw(st.sampled_from(names))]
        above = draw(st.sampled_from(spans)) if spans else None
        start = draw(times)
        fields = draw(_fields(tongue.attributes, is_odd=is_odd))
        fields.pop(attributes.SKIP, None)
        if number == 0:
            fields[ID] = "call-1"
        if not is_odd:
            start = max(start, above.start_ns if above else 0)
            fields.pop(attributes.CONVERSATION_ROOT, None)
        end = draw(times)
        spans.append(
            SpanView(
                trace_id=1,
                span_id=draw(st.sampled_from([100 + number, 100 - number])),
                parent_id=above.span_id if above else None,
                scope=draw(st.sampled_from(tongue.scopes)),
                name=draw(st.sampled_from(tongue.spans)),
                start_ns=start,
                end_ns=end if is_odd else max(end, start),
                attributes=fields,
                events=tuple(draw(_events(tongue, is_odd=is_odd))),
                dropped_events=draw(st.sampled_from([0, 0, 0, 3])) if is_odd else 0,
                error=draw(st.integers(0, 3)) == 0,
            )
        )
    in_time = sorted(spans, key=lambda one: (one.end_ns, one.span_id)) if not is_odd else spans
    return Traced(tuple(spans), (tuple(in_time), tuple(draw(st.permutations(spans)))))
