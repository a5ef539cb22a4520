"""Reads Pipecat's spans one by one, keeps what counts of them, and puts it together when moments are asked for."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.moments import Agent, Fact
from roark_otel._model.reading import flag, text
from roark_otel.dialects.pipecat import names
from roark_otel.dialects.pipecat.customer import Words, customer_said, language_code, spoken
from roark_otel.dialects.pipecat.heard import Histories
from roark_otel.dialects.pipecat.history import History, Recent
from roark_otel.dialects.pipecat.pace import Pace, answered
from roark_otel.dialects.pipecat.replies import Replies
from roark_otel.dialects.pipecat.rows import Row, Rows, row_of, seconds_ns, ttfb_ns
from roark_otel.dialects.pipecat.tools import Tools
from roark_otel.dialects.pipecat.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from roark_otel._model.moments import Moment, Utterance
    from roark_otel._model.spans import SpanRecord

_RECENT = 64
_MS = 1_000_000


class PipecatReader:
    """Reads one Pipecat conversation.

    What a span means depends on others that may come before or after it, so a packed row is kept of each and put
    together when moments are asked for. Histories are folded as they come; none of them is kept.
    """

    __slots__ = (
        "_conversations",
        "_history",
        "_last_speech",
        "_latest",
        "_models",
        "_prompt",
        "_read",
        "_recent",
        "_recents",
        "_speeches",
        "_tools",
        "_turns",
        "_warn",
        "_warned",
        "_words",
    )

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._warned: set[str] = set()
        self._tools = Tools(self._unreadable)
        self._history = History(self._tools.learn)
        self._conversations: Rows[None] = Rows()
        self._turns: Rows[None] = Rows()
        self._words: Rows[Words] = Rows()
        self._speeches: Rows[str | None] = Rows()
        self._models: Rows[str | None] = Rows()
        self._recents: Rows[Recent] = Rows()
        self._last_speech: SpanRecord | None = None
        self._latest = (0, 0)
        self._prompt = (0, 0, "")
        self._recent: dict[str, str] = {}
        self._read: dict[str, Callable[[SpanRecord], None]] = {
            names.CONVERSATION: self._conversation,
            names.TURN: self._turn,
            names.STT: self._stt,
            names.LLM: self._llm,
            names.TTS: self._tts,
            names.LLM_SETUP: self._instructions,
            names.LLM_REQUEST: self._messages,
            names.LLM_RESPONSE: self._response,
            names.LLM_TOOL_CALL: self._tools.began,
            names.LLM_TOOL_RESULT: self._tools.ended,
        }

    def read(self, span: SpanRecord) -> None:
        """Takes in one span, ended or open."""
        read = self._read.get(span.name) if span.scope in names.SCOPES else None
        if read is not None:
            self._latest = max(self._latest, (span.end_ns or span.start_ns, span.span_id))
            read(span)

    def moments(self) -> list[Moment]:
        """What was said and used so far, and what is known of the call."""
        words, speeches, models = self._words.in_order(), self._speeches.in_order(), self._models.in_order()
        turns = Turns(self._turns.in_order(), self._conversations.in_order())
        thinking = [row.start_ns for row in models if not row.flag]
        said = spoken(words, sorted([*thinking, *(row.start_ns for row in speeches)]))
        replies = Replies(speeches, models, turns, said)
        heard = replies.heard(Histories(self._recents.in_order(), said))
        pace = Pace(heard, said, turns, has_metrics=replies.has_metrics)
        answers = {turn_id: reply.spoken_ns for turn_id, reply in answered(heard, said).items()}
        spoke = list(pace.agent_said())
        return [
            *customer_said(said, turns, answers),
            *spoke,
            *(self._wordless() if not said and not spoke else ()),
            *self._interruptions(spoke),
            *self._tools.uses(models, [row.start_ns for row in words]),
            *self._facts([row for row in words if not row.flag], [row for row in models if not row.flag], speeches),
        ]

    def _wordless(self) -> Iterator[Fact]:
        """The agent spoke although no span holds a word."""
        if self._last_speech is not None:
            yield Fact("wordless", True, *self._latest)
            why = "on no span of the conversation: left out, or named otherwise by this version"
            self._unreadable(Unreadable(self._last_speech, names.TEXT, why))

    def _interruptions(self, spoke: Iterable[Utterance]) -> Iterator[Fact]:
        """How often the agent was interrupted, which only turns say."""
        if self._turns:
            cut = sum(1 for one in spoke if one.payload.get("interrupted") is True)
            yield Fact("property.interruptions", cut, *self._latest)

    def _facts(
        self, words: Iterable[Row[Words]], models: Iterable[Row[str | None]], speeches: Iterable[Row[str | None]]
    ) -> Iterator[Fact]:
        if self._latest == (0, 0):
            return
        yield Fact("property.framework", "pipecat", *self._latest)
        for name, rows in (("stt", words), ("llm", models), ("tts", speeches)):
            if known := [row.ttfb_ns for row in rows if row.ttfb_ns is not None]:
                yield Fact(f"property.{name}_ttfb_ms", round(median(known) / _MS), *self._latest)
        if self._prompt[2]:
            # Of the call's own agent, whichever span is the root.
            yield Fact("agent", Agent(prompt=self._prompt[2]), self._prompt[0], 0)

    def _conversation(self, span: SpanRecord) -> None:
        self._conversations.add(row_of(span, None))

    def _turn(self, span: SpanRecord) -> None:
        get = span.attributes.get
        latency_ns, lasted_ns = seconds_ns(get(names.LATENCY)), seconds_ns(get(names.DURATION))
        interrupted = flag(get(names.WAS_INTERRUPTED)) is True
        self._turns.add(row_of(span, None, ttfb_ns=latency_ns, lasted_ns=lasted_ns, flag=interrupted))

    def _stt(self, span: SpanRecord) -> None:
        get = span.attributes.get
        if said := self._shared(text(get(names.TRANSCRIPT))):
            provider = next((found for name in names.PROVIDER if (found := text(get(name)))), "")
            live = provider.lower().endswith(names.SPEECH_TO_SPEECH)
            words = Words(said, self._shared(language_code(get(names.LANGUAGE))))
            # A speech-to-speech model measures something else.
            self._words.add(row_of(span, words, ttfb_ns=None if live else ttfb_ns(span), flag=live))

    def _tts(self, span: SpanRecord) -> None:
        get = span.attributes.get
        interrupted = flag(get(names.TTS_INTERRUPTED)) is True
        words = self._shared(text(get(names.TEXT)))
        self._speeches.add(row_of(span, words, ttfb_ns=ttfb_ns(span), flag=interrupted))
        self._last_speech = span._replace(attributes={}, events=())

    def _llm(self, span: SpanRecord) -> None:
        self._messages(span)
        self._instructions(span)
        words = self._shared(text(span.attributes.get(names.OUTPUT)))
        self._models.add(row_of(span, words, ttfb_ns=ttfb_ns(span)))

    def _response(self, span: SpanRecord) -> None:
        self._models.add(row_of(span, self._shared(text(span.attributes.get(names.OUTPUT))), flag=True))

    def _messages(self, span: SpanRecord) -> None:
        history = span.attributes.get(names.INPUT)
        if history is None:
            return
        try:
            recent = self._history.read(history, span.start_ns)
        except ValueError as fault:
            self._unreadable(Unreadable(span, names.INPUT, str(fault)))
            return
        said = tuple(self._shared(one) or one for one in recent.said)
        self._recents.add(row_of(span, Recent(self._shared(recent.asked), said)))

    def _instructions(self, span: SpanRecord) -> None:
        """Of several prompts the last one holds."""
        if prompt := text(span.attributes.get(names.SYSTEM_INSTRUCTIONS)):
            self._prompt = max(self._prompt, (span.start_ns, span.span_id, prompt))

    def _unreadable(self, what: Unreadable) -> None:
        """Says once of each attribute that it could not be read."""
        if what.attribute not in self._warned:
            self._warned.add(what.attribute)
            self._warn(what)

    def _shared(self, words: str | None) -> str | None:
        """Words that several spans repeat soon after one another, kept once."""
        if words is None:
            return None
        if len(self._recent) >= _RECENT:
            self._recent.clear()
        return self._recent.setdefault(words, words)
