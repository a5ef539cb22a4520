"""Reads Pipecat's spans one by one, keeps what counts of them, and puts it together when moments are asked for."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar

from roark_otel._model.dialect import Unreadable, Warn, once_each
from roark_otel._model.moments import Agent, Fact
from roark_otel._model.reading import flag, text
from roark_otel.dialects.heard.reading import Heard
from roark_otel.dialects.pipecat import names
from roark_otel.dialects.pipecat.customer import Spoken, recognised
from roark_otel.dialects.pipecat.history import History, HistoryView
from roark_otel.dialects.pipecat.marks import are_used, unmarked
from roark_otel.dialects.pipecat.measured import Measured
from roark_otel.dialects.pipecat.silence import silent_agent, wordless
from roark_otel.dialects.pipecat.stretches import Stretch, Turn, end_of, seconds_ns, ttfb_ns
from roark_otel.dialects.pipecat.talk import Talk
from roark_otel.dialects.pipecat.tools import Tools
from roark_otel.dialects.pipecat.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from roark_otel._model.moments import Moment, Utterance
    from roark_otel._model.rows import SpanView

_MS = 1_000_000


class PipecatReader:
    """Reads one Pipecat conversation.

    What a span means depends on others that may come before or after it, so what each says is kept by its id and put
    together when moments are asked for.
    """

    __slots__ = (
        "_ended_ns",
        "_heard",
        "_history",
        "_latest_id",
        "_latest_ns",
        "_models",
        "_prompt",
        "_speeches",
        "_tools",
        "_turns",
        "_views",
        "_warn",
        "_words",
    )

    def __init__(self, warn: Warn) -> None:
        self._warn = once_each(warn)
        self._heard = Heard()
        self._tools = Tools(self._warn)
        self._history = History()
        self._ended_ns: list[int] = []
        self._turns: dict[int, Turn] = {}
        self._words: dict[int, Spoken] = {}
        self._speeches: dict[int, Stretch] = {}
        self._models: dict[int, Stretch] = {}
        self._views: dict[int, HistoryView] = {}
        self._latest_ns = self._latest_id = 0
        self._prompt = (0, 0, "")

    def read(self, span: SpanView) -> None:
        """Takes in one span, ended or open. An open one never replaces what it said when it had ended."""
        if span.scope == names.HEARD_SCOPE:
            self._heard.read(span)
            return
        read = self._READ.get(span.name) if span.scope in names.SCOPES else None
        if read is None or (span.end_ns is None and self._has_ended(span.span_id)):
            return
        at_ns = span.end_ns or span.start_ns
        if at_ns > self._latest_ns or (at_ns == self._latest_ns and span.span_id > self._latest_id):
            self._latest_ns, self._latest_id = at_ns, span.span_id
        read(self, span)

    def _has_ended(self, span_id: int) -> bool:
        known = self._turns.get(span_id) or self._speeches.get(span_id) or self._models.get(span_id)
        words = self._words.get(span_id)
        return (known is not None and known.end_ns is not None) or (words is not None and words.heard_ns is not None)

    def moments(self) -> list[Moment]:
        """Returns what was said and used, and what is known of the call."""
        words, speeches, models = sorted(self._words.values()), *self._texts()
        turns = Turns(sorted(self._turns.values()), self._ended_ns)
        talk = Talk(words, speeches, models, turns, sorted(self._views.values()))
        spoke = list(talk.agent_said())
        if self._heard.has_content:
            by_spans = [*talk.customer_said(), *spoke]
            return [
                *self._heard.moments(Measured(by_spans)),
                *self._heard.leaves_out(by_spans),
                *self._interruptions(self._heard.utterances.values()),
                *self._facts(words, models, speeches),
            ]
        return [
            *talk.customer_said(),
            *spoke,
            *self._silences(turns, talk, models, speeches, has_agent=bool(spoke)),
            *self._interruptions(spoke),
            *self._tools.uses(talk.uses, models, [one.start_ns for one in words]),
            *self._facts(words, models, speeches),
            *self._heard.moments(),
        ]

    def _texts(self) -> tuple[Sequence[Stretch], Sequence[Stretch]]:
        """Returns what was to be spoken and what models wrote, by start and without marks."""
        speeches, models = sorted(self._speeches.values()), sorted(self._models.values())
        in_use = self._history.is_marked or are_used(one.text for one in (*speeches, *models) if one.text)
        return unmarked(speeches, in_use=in_use), unmarked(models, in_use=in_use)

    def _silences(
        self, turns: Turns, talk: Talk, models: Sequence[Stretch], speeches: Sequence[Stretch], *, has_agent: bool
    ) -> Iterator[Fact]:
        """Yields which side did not speak, and which one without words."""
        when = self._latest_ns, self._latest_id
        if silent_agent(turns, sorted(self._turns.values()), talk.said, models, speeches):
            yield Fact("silent_agent", True, *when)
        has_customer = bool(talk.said or talk.entered)
        for name, why in wordless(turns, models, speeches, has_customer=has_customer, has_agent=has_agent):
            yield Fact(name, why, *when)

    def _interruptions(self, spoke: Iterable[Utterance]) -> Iterator[Fact]:
        """Yields how often the agent was interrupted, which only turns say."""
        if self._turns or self._heard.began:
            cut = sum(1 for one in spoke if one.payload.get("interrupted") is True)
            yield Fact("property.interruptions", cut, self._latest_ns, self._latest_id)

    def _facts(self, words: Iterable[Spoken], models: Iterable[Stretch], speeches: Iterable[Stretch]) -> Iterator[Fact]:
        if not self._latest_ns and not self._latest_id and not self._heard.began:
            return
        yield Fact("property.framework", "pipecat", self._latest_ns, self._latest_id)
        for name, measured in (("stt", words), ("llm", models), ("tts", speeches)):
            if known := [one.ttfb_ns for one in measured if one.ttfb_ns is not None]:
                yield Fact(f"property.{name}_ttfb_ms", round(median(known) / _MS), self._latest_ns, self._latest_id)
        if self._prompt[2]:
            # Of the call's own agent, whichever span is the root.
            yield Fact("agent", Agent(prompt=self._prompt[2]), self._prompt[0], 0)

    def _conversation(self, span: SpanView) -> None:
        if (end_ns := end_of(span)) is not None:
            self._ended_ns.append(end_ns)

    def _turn(self, span: SpanView) -> None:
        get = span.attributes.get
        latency_ns, lasted_ns = seconds_ns(get(names.LATENCY)), seconds_ns(get(names.DURATION))
        interrupted = flag(get(names.WAS_INTERRUPTED)) is True
        turn = Turn(span.start_ns, span.span_id, end_of(span), latency_ns, lasted_ns, interrupted)
        self._turns[span.span_id] = turn

    def _stt(self, span: SpanView) -> None:
        if (said := recognised(span)) is not None:
            self._words[span.span_id] = said

    def _tts(self, span: SpanView) -> None:
        get = span.attributes.get
        words, interrupted = text(get(names.TEXT)), flag(get(names.TTS_INTERRUPTED)) is True
        span_id, turn_id = span.span_id, span.parent_id or 0
        speech = Stretch(span.start_ns, span_id, turn_id, end_of(span), words, ttfb_ns(span), interrupted)
        self._speeches[span_id] = speech

    def _llm(self, span: SpanView) -> None:
        self._messages(span)
        self._instructions(span)
        self._model(span, ttfb_ns(span), is_live=False)

    def _response(self, span: SpanView) -> None:
        self._model(span, None, is_live=True)

    def _model(self, span: SpanView, took_ns: int | None, *, is_live: bool) -> None:
        span_id, turn_id, words = span.span_id, span.parent_id or 0, text(span.attributes.get(names.OUTPUT))
        self._models[span_id] = Stretch(span.start_ns, span_id, turn_id, end_of(span), words, took_ns, is_live)

    def _messages(self, span: SpanView) -> None:
        history = span.attributes.get(names.INPUT)
        if history is None:
            return
        view = self._views[span.span_id] = self._history.read(history, span.start_ns, span.span_id)
        if fault := view.fault or self._history.left_out:
            self._warn(Unreadable(span, names.INPUT, fault))

    def _instructions(self, span: SpanView) -> None:
        """Keeps the last of several prompts."""
        if prompt := text(span.attributes.get(names.SYSTEM_INSTRUCTIONS)):
            when = span.start_ns, span.span_id, prompt
            if when > self._prompt:
                self._prompt = when

    def _tool_call(self, span: SpanView) -> None:
        self._tools.began(span)

    def _tool_result(self, span: SpanView) -> None:
        self._tools.ended(span)

    _READ: ClassVar[Mapping[str, Callable[[Any, SpanView], None]]] = {
        names.CONVERSATION: _conversation,
        names.TURN: _turn,
        names.STT: _stt,
        names.LLM: _llm,
        names.TTS: _tts,
        names.LLM_SETUP: _instructions,
        names.LLM_REQUEST: _messages,
        names.LLM_RESPONSE: _response,
        names.LLM_TOOL_CALL: _tool_call,
        names.LLM_TOOL_RESULT: _tool_result,
    }
