"""The reader of the GenAI conventions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roark_otel._model import reading
from roark_otel._model.dialect import Warn, once_each
from roark_otel._model.moments import Fact
from roark_otel.dialects.chat import (
    Agents,
    Lists,
    Role,
    Said,
    Tools,
    Transcript,
    Turns,
    as_span,
    has_times,
    in_order,
    lines,
    texts,
    utterance,
)
from roark_otel.dialects.gen_ai import names
from roark_otel.dialects.gen_ai.sources import Exchange, Sources
from roark_otel.dialects.gen_ai.tools import is_logfire_tool, tool_of
from roark_otel.dialects.gen_ai.voice import Voice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.chat import Message


class GenAiReader:
    """Reads what models, agents and tools say of their work.

    Agent frameworks say one thing on many spans. Strands puts a turn on the span around it, so only that is read of
    it; of all others every span is, and `Transcript` says each thing once. A pipeline that transcribes and speaks knows
    best what was said: where it has a side of the conversation, models are not asked for that side.
    """

    __slots__ = ("_agents", "_frameworks", "_sources", "_tools", "_transcript", "_turns", "_voice")

    def __init__(self, warn: Warn) -> None:
        self._sources = Sources(Lists(), once_each(warn))
        self._transcript = Transcript()
        self._agents = Agents()
        self._tools = Tools()
        self._turns = Turns()
        self._voice = Voice()
        self._frameworks: set[str] = set()

    def read(self, span: SpanView) -> None:
        """Takes in a span."""
        get = span.attributes.get
        if names.OPENINFERENCE_KIND in span.attributes or not has_times(span) or not _speaks(span):
            return
        if framework := names.FRAMEWORKS.get(span.scope):
            self._frameworks.add(framework)
        operation = (reading.text(get(names.OPERATION)) or "").lower()
        if operation in names.HEARS or operation in names.SPEAKS:
            self._voice.read(span, operation, self._sources.exchange(span))
            return
        agent = self._agents.named(span.span_id, span.start_ns, _agent_name(span))
        self._read_run(span, operation)
        if operation == names.EXECUTE_TOOL or is_logfire_tool(span):
            if tool := tool_of(span, agent):
                self._tools.ran(tool)
        elif _is_strands(span):
            self._read_strands(span, operation, agent)
        elif operation not in names.SILENT:
            self._read_exchange(span, self._sources.exchange(span), agent)

    def moments(self) -> Iterable[Moment]:
        """What was said and used so far, and who the agents are."""
        known = self._agents.known()
        said = in_order([*self._voice.said(), *self._turns.said(), *self._of_models()])
        for one in known.from_turn_start(said):
            yield utterance(one, known)
        for use, agent in self._tools.uses():
            yield replace(use, agent=known.agent(agent, use.start_ns))
        yield from known.facts()
        for framework in sorted(self._frameworks)[:1]:
            yield Fact("property.framework", framework, 0, 0)

    def _of_models(self) -> Iterable[Said]:
        agents, customers = self._voice.speaks, self._voice.hears
        if self._turns:
            return []
        return [one for one in self._transcript.said() if not (agents if one.by_agent else customers)]

    def _read_run(self, span: SpanView, operation: str) -> None:
        """A run of an agent or of a workflow, when it has ended."""
        template = reading.text(span.attributes.get(names.LOGFIRE_TEMPLATE)) or ""
        kind = span.attributes.get(names.TRACELOOP_KIND)
        is_agent = operation == names.INVOKE_AGENT or template.startswith(names.LOGFIRE_AGENT)
        is_workflow = operation in names.WORKFLOWS or kind == "workflow" or template.startswith(names.LOGFIRE_WORKFLOW)
        if operation in names.HANDOFFS or template.startswith(names.LOGFIRE_HANDOFF):
            self._tools.expect_runs()  # a model asks for a handoff as for a tool, and it is none
        if span.end_ns is not None and (is_agent or is_workflow):
            self._agents.ran(span.span_id, span.start_ns, _end_ns(span), _agent_name(span) if is_agent else None)

    def _read_exchange(self, span: SpanView, found: Exchange, agent: str | None) -> None:
        self._read_prompt(span, found.asked, agent)
        for message in found.asked:
            self._tools.asked(span.start_ns, agent, message.calls)
            self._tools.answered(span.start_ns, message.answers)
        for message in found.answered:
            self._tools.asked(_end_ns(span), agent, message.calls)
        self._transcript.ask(span.start_ns, found.before, lines(found.asked))
        self._sources.keep(found)
        self._transcript.answer(as_span(span), found.before, texts(found.answered), agent)

    def _read_strands(self, span: SpanView, operation: str, agent: str | None) -> None:
        self._tools.expect_runs()
        if operation == names.INVOKE_AGENT:
            found = self._sources.exchange(span)
            self._read_prompt(span, found.asked, agent)
            self._turns.read(as_span(span), found.asked, found.answered, agent)

    def _read_prompt(self, span: SpanView, asked: Sequence[Message], agent: str | None) -> None:
        prompts = [one.text for one in asked if one.role is Role.SYSTEM and one.text]
        if prompt := self._sources.instructions(span) or "\n\n".join(prompts):
            self._agents.prompted(span.start_ns, agent, prompt)


def _end_ns(span: SpanView) -> int:
    return span.start_ns if span.end_ns is None else max(span.start_ns, span.end_ns)


def _speaks(span: SpanView) -> bool:
    """Whether a span has a name of the conventions on it."""
    found = (*span.attributes, *(event.name for event in span.events))
    return any(isinstance(name, str) and name.startswith(names.PREFIX) for name in found)


def _is_strands(span: SpanView) -> bool:
    systems = (span.attributes.get(name) for name in names.SYSTEMS)
    return span.scope == names.STRANDS_SCOPE or names.STRANDS_SYSTEM in systems


def _agent_name(span: SpanView) -> str | None:
    get = span.attributes.get
    if (reading.text(get(names.LOGFIRE_TEMPLATE)) or "").startswith(names.LOGFIRE_AGENT):
        return reading.text(get("name"))
    reported = tuple(get(name) for name in (names.AGENT_NAME, names.AGENT_ID, names.AGENT_DESCRIPTION))
    return None if reported == names.PLACEHOLDER else reading.text(reported[0])
