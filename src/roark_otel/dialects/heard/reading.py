"""Reads what an instrumentation heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model import reading
from roark_otel._model.moments import (
    CALLS_AGENT,
    CALLS_CUSTOMER,
    FACT_NAMES,
    Agent,
    Customer,
    Fact,
    Failed,
    Outcome,
    Returned,
    ToolUse,
    Unanswered,
    Utterance,
)
from roark_otel.dialects.heard import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from roark_otel._model.moments import Moment
    from roark_otel._model.rows import SpanView

_SAID = frozenset({names.AGENT_SAID, names.CUSTOMER_SAID})
_SILENCES = frozenset({"silent_agent", "silent_customer"})
_ENDS = frozenset({names.CONVERSATION, names.ENDED})


class Heard:
    """What was heard of one conversation, by the ids of its spans: a span that comes twice counts once.

    What the framework has an id for is known by that, below one span: its last revision counts.

    Attributes:
        utterances: What was said.
        uses: Which tools were used.
        facts: What is known of the call, by name.
        began: Whether anything was heard, if only that the conversation began.
        is_over: Whether the end was heard. Until then something may be said that is not written yet.
    """

    __slots__ = ("_revisions", "began", "facts", "is_over", "uses", "utterances")

    def __init__(self) -> None:
        self.began: bool = False
        self.is_over: bool = False
        self.utterances: dict[object, Utterance] = {}
        self._revisions: dict[object, float] = {}
        self.uses: dict[int, ToolUse] = {}
        self.facts: dict[str, Fact] = {}

    @property
    def has_content(self) -> bool:
        """Whether it was heard what was said or used, or that a side was silent. Else it may have been deaf."""
        return bool(self.utterances or self.uses or not self.facts.keys().isdisjoint(_SILENCES))

    def read(self, span: SpanView) -> None:
        """Takes in one span of an instrumentation's scope."""
        self.began = True
        self.is_over = self.is_over or (span.name in _ENDS and span.end_ns is not None)
        if span.name in _SAID:
            self._said(span)
        elif span.name == names.TOOL_USED:
            self._used(span)
        self._learn(span)

    def leaves_out(self, utterances: Iterable[Utterance]) -> Iterator[Utterance]:
        """Yields those of the framework's own spans that begin after all that was heard, if no end was heard.

        A process may end, or its provider be shut down, while someone speaks. What waited to be said when the agent
        was cut off was not said.
        """
        last = max(self.utterances.values(), key=_until, default=None)
        if self.is_over or last is None:
            return
        was_cut = last.payload.get("interrupted") is True
        for one in utterances:
            if one.start_ns >= _until(last) and not (was_cut and isinstance(one.speaker, Agent)):
                yield one

    def moments(self, measured: Callable[[Utterance], Utterance] | None = None) -> Iterator[Moment]:
        """Yields all of it.

        Args:
            measured: Returns an utterance with what the framework's own spans measured of it.
        """
        for one in self.utterances.values():
            yield one if measured is None else measured(one)
        yield from self.uses.values()
        yield from self.facts.values()

    def _said(self, span: SpanView) -> None:
        get = span.attributes.get
        if span.end_ns is None or (words := reading.text(get(names.TEXT))) is None:
            return
        item, revision = reading.text(get(names.ITEM)), reading.number(get(names.REVISION)) or 0
        key = span.span_id if item is None else (span.parent_id, item)
        if revision < self._revisions.get(key, revision):
            return
        self._revisions[key] = revision
        payload: dict[str, object] = {}
        if reading.flag(get(names.INTERRUPTED)) is True:
            payload["interrupted"] = True
        if way := reading.text(get(names.WAY)):
            payload["way"] = way
        timed, language = reading.flag(get(names.TIMED)) is not False, reading.text(get(names.LANGUAGE))
        self.utterances[key] = Utterance(
            self._speaker(span), words, span.start_ns, span.end_ns, language, payload, timed, span_id=-span.span_id
        )

    def _speaker(self, span: SpanView) -> Agent | Customer:
        return CALLS_CUSTOMER if span.name == names.CUSTOMER_SAID else _agent(span)

    def _used(self, span: SpanView) -> None:
        get = span.attributes.get
        if (name := reading.text(get(names.TOOL_NAME))) is not None:
            self.uses[span.span_id] = ToolUse(
                name,
                span.start_ns,
                span.end_ns,
                parameters=_arguments(get(names.TOOL_ARGUMENTS)),
                outcome=_outcome(span),
                call_id=reading.text(get(names.TOOL_ID)),
                agent=_agent(span),
                span_id=-span.span_id,
            )

    def _learn(self, span: SpanView) -> None:
        at_ns = span.end_ns or span.start_ns
        for key, value in span.attributes.items():
            if not key.startswith(names.FACT):
                continue
            name = key.removeprefix(names.FACT)
            if not (name in FACT_NAMES or name.startswith("property.")):
                continue
            known = self.facts.get(name)
            if isinstance(value, (str, bool, int, float)) and (
                known is None or (known.time_ns, known.span_id) <= (at_ns, span.span_id)
            ):
                self.facts[name] = Fact(name, value, at_ns, span.span_id)


def _until(one: Utterance) -> int:
    return one.start_ns if one.end_ns is None else one.end_ns


def _agent(span: SpanView) -> Agent:
    name = reading.text(span.attributes.get(names.AGENT))
    return CALLS_AGENT if name is None else Agent(name=name)


def _arguments(written: object) -> dict[str, object]:
    if written is None:
        return {}
    try:
        return reading.json_object(written)
    except ValueError:  # the API takes an object
        return {"arguments": reading.json_or_text(written)}


def _outcome(span: SpanView) -> Outcome:
    get = span.attributes.get
    if (error := reading.text(get(names.TOOL_ERROR))) is not None:
        return Failed(error)
    if (result := get(names.TOOL_RESULT)) is None:
        return Unanswered()
    return Returned(reading.json_or_text(result))
