"""The reader of the OpenInference conventions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from roark_otel._model import reading
from roark_otel._model.dialect import Warn, once_each
from roark_otel._model.moments import Fact, Failed, Outcome, Returned, ToolUse, Unanswered
from roark_otel.dialects.chat import (
    Agents,
    BelowTools,
    Dialogue,
    Ran,
    Role,
    Tools,
    Turns,
    as_span,
    failure,
    gave,
    given,
    has_times,
    in_order,
    utterance,
    without_wrapper,
)
from roark_otel.dialects.openinference import names
from roark_otel.dialects.openinference.pipecat_turns import PipecatTurns
from roark_otel.dialects.openinference.realtime_turns import RealtimeTurns
from roark_otel.dialects.openinference.sources import Sources, answers_in_data, instructions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.chat import Exchange


class OpenInferenceReader:
    """Reads what models, agents, tools and the turns of Pipecat and of realtime sessions say.

    Models hold what was said, each thing on many spans, and `Transcript` says it once. What agents and chains were
    given and gave back repeats that, and only counts where no model has anything.
    """

    __slots__ = (
        *("_agents", "_below_tools", "_dialogue", "_frameworks", "_has_models", "_hides", "_pipecat", "_realtime"),
        *("_sources", "_tools", "_turns"),
    )

    def __init__(self, warn: Warn) -> None:
        self._sources = Sources(once_each(warn))
        self._dialogue = Dialogue()
        self._agents = Agents()
        self._tools = Tools()
        self._turns = Turns()
        self._pipecat = PipecatTurns()
        self._realtime = RealtimeTurns()
        self._below_tools = BelowTools()
        self._has_models = False
        self._hides = False
        self._frameworks: set[str] = set()

    def read(self, span: SpanView) -> None:
        """Takes in a span."""
        self._tools.below(span.span_id, span.parent_id)
        kind = _kind(span)
        if kind is None or not has_times(span):
            return
        if framework := names.FRAMEWORKS.get(span.scope):
            self._frameworks.add(framework)
        is_below_tool = self._below_tools.has(span)
        is_pipecat = span.scope == names.PIPECAT_SCOPE or span.name == names.PIPECAT_TURN
        if is_pipecat:
            self._pipecat.read(span)
            self._read_first_prompt(span)
        if kind == names.TOOL:
            self._read_tool(span)
        elif not is_pipecat and self._realtime.read(span, kind):
            if kind == names.AUDIO and (prompt := instructions(span)):
                self._agents.prompted(span.start_ns, None, prompt)
        elif kind == names.LLM and not is_pipecat:
            self._read_model(span, is_below_tool=is_below_tool)
        elif kind in {names.AGENT, names.CHAIN} and not is_pipecat:
            self._read_run(span, kind)

    def moments(self) -> Iterable[Moment]:
        """What was said and used so far, and who the agents are."""
        known = self._agents.known()
        said = in_order(self._turns.said() if self._turns else self._dialogue.said())
        live = list(self._realtime.said())
        for one in known.from_turn_start(said):
            yield utterance(one, known)
        if (self._hides or self._realtime) and not (said or live):
            yield Fact("wordless_agent", "content", 0, 0)
        yield from self._pipecat.said()
        yield from live
        for use, agent in self._tools.uses(self._pipecat.asked_ns):
            yield replace(use, agent=known.agent(agent, use.start_ns))
        yield from known.facts()
        for framework in sorted(self._frameworks)[:1]:
            yield Fact("property.framework", framework, 0, 0)

    def _read_model(self, span: SpanView, *, is_below_tool: bool) -> None:
        found = self._sources.of_model(span)
        if not (found.asked or found.answered or found.mark):
            self._hides = True
        if found.has_words and not self._has_models:
            self._has_models = True
            self._turns.forget()
        self._read_prompt(span, found)
        is_wrapped = span.scope in names.ADK_SCOPES
        self._tools.shown(as_span(span), found.before, found.asked, None, is_wrapped=is_wrapped)
        self._dialogue.read(span, found, None, answers_in_data=answers_in_data(span), is_below_tool=is_below_tool)
        self._sources.keep(found)
        self._tools.asked(as_span(span), found.before, found.answered, None)

    def _read_run(self, span: SpanView, kind: str) -> None:
        ran, name = as_span(span), _first_text(span.attributes, names.AGENT_NAMES) if kind == names.AGENT else None
        if ran.end_ns is not None:
            self._agents.ran(span.span_id, span.start_ns, ran.end_ns, name)
        if not self._has_models:
            found = self._sources.of_run(span)
            if found.has_words:
                self._turns.read(ran, found.asked, found.answered, name)

    def _read_tool(self, span: SpanView) -> None:
        self._tools.expect_runs()
        self._below_tools.ran(span)
        get = span.attributes.get
        name = _first_text(span.attributes, names.TOOL_NAMES)
        if name is None:
            return  # a handoff
        asked, back = given(_first(span.attributes, names.TOOL_ARGUMENTS)), _first(span.attributes, names.TOOL_RESULTS)
        use = ToolUse(
            name=name,
            start_ns=span.start_ns,
            end_ns=as_span(span).end_ns,
            parameters=asked.parameters,
            outcome=_outcome(span, back),
            call_id=_id(span.attributes) or gave(back).call_id,
            description=reading.text(get(names.TOOL_DESCRIPTION)),
            span_id=span.span_id,
        )
        self._tools.ran(Ran(span.span_id, span.parent_id, use, None, asked.other))

    def _read_prompt(self, span: SpanView, found: Exchange) -> None:
        prompt = "\n\n".join(one.text for one in found.asked if one.role is Role.SYSTEM and one.text)
        if prompt:
            self._agents.prompted(span.start_ns, None, prompt)

    def _read_first_prompt(self, span: SpanView) -> None:
        """The system prompt where nothing else of a history is needed."""
        prompt = reading.text(span.attributes.get(names.FIRST_CONTENT))
        if prompt and span.attributes.get(names.FIRST_ROLE) == "system":
            self._agents.prompted(span.start_ns, None, prompt)


def _kind(span: SpanView) -> str | None:
    """The kind of span, also where only its other names show it; None if it does not follow OpenInference."""
    kind = span.attributes.get(names.KIND)
    if kind is not None:
        return kind.upper() if isinstance(kind, str) else ""
    if any(name.startswith((names.INPUT_MESSAGES, names.OUTPUT_MESSAGES)) for name in span.attributes):
        return names.LLM
    return None


def _outcome(span: SpanView, back: object) -> Outcome:
    found = gave(back)
    if (failed := failure(span, back, is_error=found.is_error)) is not None:
        return Failed(failed)
    if back is None:
        return Unanswered()
    return Returned(without_wrapper(back) if span.scope in names.ADK_SCOPES else found.value)


def _id(found: Mapping[str, object]) -> str | None:
    return next((call_id for name in names.TOOL_IDS if (call_id := reading.identifier(found.get(name)))), None)


def _first(found: Mapping[str, object], wanted: Iterable[str]) -> object:
    return next((found[name] for name in wanted if found.get(name) is not None), None)


def _first_text(found: Mapping[str, object], wanted: Iterable[str]) -> str | None:
    return next((words for name in wanted if (words := reading.text(found.get(name)))), None)
