"""Reads Pipecat's spans one by one, keeps what counts of them, and puts it together when moments are asked for."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from roark_otel._model.dialect import RowReader, Unreadable, Warn, once_each
from roark_otel._model.moments import Agent, Fact
from roark_otel._model.reading import flag, text
from roark_otel._model.rows import (
    ATTRIBUTES,
    END,
    NAME,
    PARENT,
    SCOPE,
    SPAN,
    START,
    TRACE,
    Kind,
    SpanName,
    Unread,
    row_of,
    view,
)
from roark_otel._model.steps import no_pause
from roark_otel._model.tuples import made
from roark_otel.dialects.heard.reading import Heard
from roark_otel.dialects.pipecat import names
from roark_otel.dialects.pipecat.customer import Spoken, recognised
from roark_otel.dialects.pipecat.history import History, HistoryView
from roark_otel.dialects.pipecat.marks import are_used, unmarked
from roark_otel.dialects.pipecat.measured import Measured
from roark_otel.dialects.pipecat.silence import silent_agent, wordless
from roark_otel.dialects.pipecat.stretches import Stretch, Turn, seconds_ns, ttfb_ns
from roark_otel.dialects.pipecat.talk import Talk
from roark_otel.dialects.pipecat.tools import Tools
from roark_otel.dialects.pipecat.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from roark_otel._model.moments import Moment, Utterance
    from roark_otel._model.rows import Row, SpanView
    from roark_otel._model.steps import Pause

Attributes: TypeAlias = "Mapping[str, object]"

_MS = 1_000_000


class PipecatReader(RowReader):
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
        """Takes in one span, as any reader does."""
        self.read_row(no_pause, (row_of(Kind.ENDED, span), span.resource))

    def read_row(self, pause: Pause, given: tuple[Row, Mapping[str, object]]) -> None:  # noqa: ARG002 - a row is short
        """Takes in the row of a span, ended or open. An open one never replaces what it said when it had ended."""
        row, resource = given
        scope, name = row[SCOPE], row[NAME]
        if name not in self._READ or scope not in names.SCOPES:
            if scope == names.HEARD_SCOPE:
                self._heard.read(view(row, resource))
            return
        start_ns, end_ns = row[START], row[END]
        if end_ns is None and self._has_ended(row[SPAN]):
            return
        at_ns = end_ns or start_ns
        if at_ns > self._latest_ns or (at_ns == self._latest_ns and row[SPAN] > self._latest_id):
            self._latest_ns, self._latest_id = at_ns, row[SPAN]
        if end_ns is not None and end_ns < start_ns:
            end_ns = start_ns
        attributes: dict[str, object] = row[ATTRIBUTES]
        if isinstance(attributes, Unread):
            attributes = attributes.whole()
        self._READ[name](self, row, attributes, end_ns)

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
        if False not in [one.text is None or one.text.isascii() for one in (*speeches, *models)]:
            return speeches, models
        in_use = self._history.is_marked or are_used(one.text for one in (*speeches, *models) if one.text)
        return unmarked(speeches, in_use=in_use), unmarked(models, in_use=in_use)

    def _silences(
        self, turns: Turns, talk: Talk, models: Sequence[Stretch], speeches: Sequence[Stretch], *, has_agent: bool
    ) -> Iterator[Fact]:
        """Yields which side did not speak, and which one without words."""
        when = self._latest_ns, self._latest_id
        if silent_agent(turns, list(self._turns.values()), talk.said, models, speeches):
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

    def _conversation(self, _row: Row, _: Attributes, end_ns: int | None) -> None:
        if end_ns is not None:
            self._ended_ns.append(end_ns)

    def _turn(self, row: Row, attributes: Attributes, end_ns: int | None) -> None:
        get = attributes.get
        latency, lasted, was_cut = get(names.LATENCY), get(names.DURATION), get(names.WAS_INTERRUPTED)
        latency_ns = None if latency is None else seconds_ns(latency)
        lasted_ns = None if lasted is None else seconds_ns(lasted)
        was_cut = was_cut if type(was_cut) is bool else flag(was_cut) is True
        self._turns[row[SPAN]] = made(Turn, (row[START], row[SPAN], end_ns, latency_ns, lasted_ns, was_cut))

    def _stt(self, row: Row, attributes: Attributes, end_ns: int | None) -> None:
        if (said := recognised(row, attributes, end_ns)) is not None:
            self._words[row[SPAN]] = said

    def _tts(self, row: Row, attributes: Attributes, end_ns: int | None) -> None:
        words, was_cut = text(attributes.get(names.TEXT)), attributes.get(names.TTS_INTERRUPTED)
        was_cut = was_cut is not None and flag(was_cut) is True
        took_ns = ttfb_ns(row, attributes)
        self._speeches[row[SPAN]] = made(Stretch, (row[START], row[SPAN], row[PARENT], end_ns, words, took_ns, was_cut))

    def _llm(self, row: Row, attributes: Attributes, end_ns: int | None) -> None:
        if names.INPUT in attributes:
            self._messages(row, attributes, end_ns)
        if names.SYSTEM_INSTRUCTIONS in attributes:
            self._instructions(row, attributes, end_ns)
        self._model(row, attributes, end_ns, ttfb_ns(row, attributes), is_live=False)

    def _response(self, row: Row, attributes: Attributes, end_ns: int | None) -> None:
        self._model(row, attributes, end_ns, None, is_live=True)

    def _model(
        self, row: Row, attributes: Attributes, end_ns: int | None, took_ns: int | None, *, is_live: bool
    ) -> None:
        words = text(attributes.get(names.OUTPUT))
        self._models[row[SPAN]] = made(Stretch, (row[START], row[SPAN], row[PARENT], end_ns, words, took_ns, is_live))

    def _messages(self, row: Row, attributes: Attributes, _: int | None) -> None:
        history = attributes.get(names.INPUT)
        if history is None:
            return
        found = self._views[row[SPAN]] = self._history.read(history, row[START], row[SPAN])
        if fault := found.fault or self._history.left_out:
            self._warn(Unreadable(SpanName(row[TRACE], row[SPAN], row[SCOPE], row[NAME]), names.INPUT, fault))

    def _instructions(self, row: Row, attributes: Attributes, _: int | None) -> None:
        """Keeps the last of several prompts."""
        if prompt := text(attributes.get(names.SYSTEM_INSTRUCTIONS)):
            when = row[START], row[SPAN], prompt
            if when > self._prompt:
                self._prompt = when

    def _tool_call(self, row: Row, _attributes: Attributes, _: int | None) -> None:
        self._tools.began(view(row, {}))

    def _tool_result(self, row: Row, _attributes: Attributes, _: int | None) -> None:
        self._tools.ended(view(row, {}))

    _READ: ClassVar[Mapping[str, Callable[[Any, Row, Attributes, int | None], None]]] = {
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
