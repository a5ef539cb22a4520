"""The reader of the GenAI conventions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from roark_otel._model import reading
from roark_otel._model.dialect import Warn, once_each
from roark_otel._model.moments import Fact
from roark_otel.dialects.chat import (
    Agents,
    BelowTools,
    Dialogue,
    Exchange,
    Lists,
    Message,
    Role,
    Said,
    Tools,
    Turns,
    as_span,
    has_times,
    in_order,
    lines,
    texts,
    utterance,
)
from roark_otel.dialects.gen_ai import names, proposals
from roark_otel.dialects.gen_ai.langsmith import langsmith_question
from roark_otel.dialects.gen_ai.live import Live
from roark_otel.dialects.gen_ai.logged import Logged
from roark_otel.dialects.gen_ai.sources import Sources, answers_in_data
from roark_otel.dialects.gen_ai.tools import is_tool, tool_of
from roark_otel.dialects.gen_ai.voice import Voice
from roark_otel.dialects.gen_ai.voice_live import VoiceLive

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import SpanView


class GenAiReader:
    """Reads what models, agents and tools say of their work.

    Agent frameworks say one thing on many spans. Strands puts a turn on the span around it, so only that is read of
    it; of all others every span is, and `Transcript` says each thing once. A pipeline that transcribes and speaks knows
    best what was said: where it has a side of the conversation, models are not asked for that side. What chains of
    LangSmith hold repeats models, and only counts where no model has anything. Messages that were logged are read after
    all spans, as those of the spans that they belong to.
    """

    __slots__ = (
        *("_agents", "_below_tools", "_chains", "_dialogue", "_frameworks", "_hides", "_live", "_logged", "_shows"),
        *("_sources", "_tools", "_turns", "_voice", "_voice_live"),
    )

    def __init__(self, warn: Warn) -> None:
        warn = once_each(warn)
        self._sources = Sources(Lists(), warn)
        self._dialogue = Dialogue()
        self._agents = Agents()
        self._tools = Tools()
        self._turns = Turns()
        self._chains = Turns()
        self._voice = Voice()
        self._logged = Logged(warn)
        self._live = Live()
        self._voice_live = VoiceLive(warn)
        self._below_tools = BelowTools()
        self._frameworks: set[str] = set()
        self._hides = self._shows = False

    def read(self, span: SpanView) -> None:
        """Takes in a span."""
        self._tools.below(span.span_id, span.parent_id)
        if names.OPENINFERENCE_KIND in span.attributes or not has_times(span) or not _speaks(span):
            return
        if span.scope == names.LOGGED_SCOPE:
            self._logged.read(span)
            return
        if framework := names.FRAMEWORKS.get(span.scope):
            self._frameworks.add(framework)
        is_below_tool = self._below_tools.has(span)
        operation = _operation(span)
        if _is_voice(operation):
            self._voice.read(span, operation, self._exchange(span))
        elif operation in proposals.HEARS:
            self._live.heard(as_span(span), texts(self._sources.exchange(span).asked))
        elif names.VOICE_LIVE_SYSTEM in _systems(span):
            self._read_voice_live(span)
        else:
            self._read_work(span, operation, is_below_tool=is_below_tool)

    def moments(self) -> Iterable[Moment]:
        """What was said and used so far, and who the agents are."""
        for span in self._logged.spans():
            self._read_logged(span)
        for ran in self._voice_live.used():
            self._tools.ran(ran)
        known = self._agents.known()
        live = self._live.timed([*self._turns.said(), *self._of_models()])
        said = in_order([*self._voice.said(), *self._voice_live.said(), *live])
        for one in known.from_turn_start(said):
            yield utterance(one._replace(span_id=self._logged.owner_of(one.span_id)), known)
        for use, agent in self._tools.uses():
            owner_id = self._logged.owner_of(use.span_id)
            yield replace(use, agent=known.agent(agent, use.start_ns), span_id=owner_id)
        yield from known.facts()
        if (self._hides or self._frameworks) and not (self._shows or said):
            yield Fact("wordless_agent", "content" if self._hides else "realtime", 0, 0)
        for framework in sorted(self._frameworks)[:1]:
            yield Fact("property.framework", framework, 0, 0)

    def _of_models(self) -> Iterable[Said]:
        agents, customers = self._voice.speaks, self._voice.hears
        if self._turns:
            return []
        said = self._dialogue.said() or in_order(self._chains.said())
        return [one for one in said if not (agents if one.by_agent else customers)]

    def _read_work(self, span: SpanView, operation: str, *, is_below_tool: bool) -> None:
        """What a model, an agent or a tool did."""
        agent = self._agents.named(span.span_id, span.start_ns, _agent_name(span))
        self._read_run(span, operation)
        kind = span.attributes.get(names.LANGSMITH_KIND)
        if is_tool(span, operation):
            self._below_tools.ran(span)
            if tool := tool_of(span, agent):
                self._tools.ran(tool)
        elif _is_strands(span):
            self._read_strands(span, operation, agent)
        elif kind == names.LANGSMITH_CHAIN:
            found = self._sources.exchange(span)
            question = langsmith_question(span)
            asked = found.asked if question is None else (Message(Role.CUSTOMER, question),)
            self._chains.read(as_span(span), asked, found.answered, agent)
        elif operation not in names.SILENT and kind in (None, names.LANGSMITH_MODEL):
            self._read_exchange(span, self._exchange(span), agent, is_below_tool=is_below_tool)

    def _read_voice_live(self, span: SpanView) -> None:
        self._frameworks.add(names.VOICE_LIVE)
        agent = self._agents.named(span.span_id, span.start_ns, _agent_name(span))
        self._read_prompt(span, (), agent)
        self._voice_live.read(span)
        if span.events and not any(names.EVENT_CONTENT in event.attributes for event in span.events):
            self._hides = True

    def _read_run(self, span: SpanView, operation: str) -> None:
        """A run of an agent or of a workflow, when it has ended."""
        template = reading.text(span.attributes.get(names.LOGFIRE_TEMPLATE)) or ""
        kind = span.attributes.get(names.TRACELOOP_KIND)
        is_agent = operation == names.INVOKE_AGENT or template.startswith(names.LOGFIRE_AGENT)
        is_workflow = operation in names.WORKFLOWS or kind == "workflow" or template.startswith(names.LOGFIRE_WORKFLOW)
        is_workflow = is_workflow or span.attributes.get(names.LANGSMITH_KIND) == names.LANGSMITH_CHAIN
        if operation in names.HANDOFFS or template.startswith(names.LOGFIRE_HANDOFF):
            self._tools.expect_runs()  # a model asks for a handoff as for a tool, and it is none
        if span.end_ns is not None and (is_agent or is_workflow):
            self._agents.ran(span.span_id, span.start_ns, _end_ns(span), _agent_name(span) if is_agent else None)
        if any(span.attributes.get(name) == proposals.INTERRUPTED for name in proposals.END_REASONS):
            self._live.cut(as_span(span))
        if is_agent and span.end_ns is not None and _is_pydantic_realtime(span):
            # What was never answered is in no history of a model.
            everything = lines(self._sources.conversation(span, names.PYDANTIC_MESSAGES))
            self._dialogue.add(_end_ns(span), everything, span.span_id)

    def _note_messages(self, span: SpanView, found: Exchange) -> None:
        """Notes whether a call of a model shows what was asked or answered."""
        if found.asked or found.answered or found.mark:
            self._shows = True
        elif any(name in span.attributes for name in names.MODELS):
            self._hides = True

    def _read_logged(self, span: SpanView) -> None:
        operation, found = _operation(span), self._sources.exchange(span)
        if _is_voice(operation):
            self._voice.read(span, operation, found)
        elif operation not in names.SILENT:
            agent = self._agents.named(span.span_id, span.start_ns, _agent_name(span))
            self._read_exchange(span, found, agent, is_below_tool=False)

    def _exchange(self, span: SpanView) -> Exchange:
        found = self._sources.exchange(span)
        self._logged.saw(span, found)
        return found

    def _read_exchange(self, span: SpanView, found: Exchange, agent: str | None, *, is_below_tool: bool) -> None:
        operation = _operation(span)
        self._note_messages(span, found)
        if operation == names.PROMPTED:
            found = found._replace(asked=tuple(one for one in found.asked if one.role is not Role.CUSTOMER))
        self._read_prompt(span, found.asked, agent)
        self._tools.shown(as_span(span), found.before, found.asked, agent, is_wrapped=span.scope == names.ADK_SCOPE)
        is_data, is_live = answers_in_data(span), operation in proposals.GENERATES or _is_pydantic_realtime(span)
        is_said = self._dialogue.read(span, found, agent, answers_in_data=is_data, is_below_tool=is_below_tool)
        if is_said and is_live:
            self._live.spoke(as_span(span), was_interrupted=_was_cut_short(span))
        self._sources.keep(found)
        self._tools.asked(as_span(span), found.before, found.answered, agent)

    def _read_strands(self, span: SpanView, operation: str, agent: str | None) -> None:
        self._tools.expect_runs()
        if operation == names.INVOKE_AGENT:
            found = self._sources.exchange(span)
            self._note_messages(span, found)
            self._read_prompt(span, found.asked, agent)
            self._turns.read(as_span(span), found.asked, found.answered, agent)

    def _read_prompt(self, span: SpanView, asked: Sequence[Message], agent: str | None) -> None:
        prompts = [one.text for one in asked if one.role is Role.SYSTEM and one.text]
        if prompt := self._sources.instructions(span) or "\n\n".join(prompts):
            self._agents.prompted(span.start_ns, agent, prompt)


def _is_voice(operation: str) -> bool:
    return operation in names.HEARS or operation in names.SPEAKS


def _end_ns(span: SpanView) -> int:
    return span.start_ns if span.end_ns is None else max(span.start_ns, span.end_ns)


def _operation(span: SpanView) -> str:
    if span.name == names.PYDANTIC_USER_SPEECH and names.PYDANTIC_REALTIME in span.attributes:
        return "user_speech"
    return (reading.text(span.attributes.get(names.OPERATION)) or "").lower()


def _speaks(span: SpanView) -> bool:
    """Whether a span has a name of the conventions on it, or of those that go with them."""
    found = (*span.attributes, *(event.name for event in span.events))
    return any(isinstance(name, str) and name.startswith((names.PREFIX, names.PYDANTIC_PREFIX)) for name in found)


def _is_pydantic_realtime(span: SpanView) -> bool:
    return names.PYDANTIC_REALTIME in span.attributes


def _was_cut_short(span: SpanView) -> bool:
    """Whether a realtime model was interrupted."""
    reasons = span.attributes.get(names.FINISH_REASONS)
    several = cast("Sequence[object]", reasons) if isinstance(reasons, (list, tuple)) else (reasons,)
    return any(isinstance(one, str) and one.lower() in proposals.CUT_SHORT for one in several) or (
        span.attributes.get(names.PYDANTIC_STATE) == proposals.INTERRUPTED
    )


def _systems(span: SpanView) -> tuple[object, ...]:
    return tuple(span.attributes.get(name) for name in names.SYSTEMS)


def _is_strands(span: SpanView) -> bool:
    return span.scope == names.STRANDS_SCOPE or names.STRANDS_SYSTEM in _systems(span)


def _agent_name(span: SpanView) -> str | None:
    get = span.attributes.get
    if (reading.text(get(names.LOGFIRE_TEMPLATE)) or "").startswith(names.LOGFIRE_AGENT):
        return reading.text(get("name"))
    reported = tuple(get(name) for name in (names.AGENT_NAME, names.AGENT_ID, names.AGENT_DESCRIPTION))
    return None if reported == names.PLACEHOLDER else reading.text(reported[0])
