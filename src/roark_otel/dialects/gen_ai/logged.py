"""Messages that are on no span of a model, because its instrumentation logs them or hands them to a hook.

    chat                   the model's own span, which says when, and who asked
    |- gen_ai.…            one short span for each log event, or for what a hook was given

They are read as if they stood on the model's own span, and not at all where that has messages itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel._model import reading
from roark_otel._model.dialect import Unreadable
from roark_otel._model.json_lists import parsed_message
from roark_otel._model.rows import SpanEvent
from roark_otel.dialects.chat import Role, fields_of, messages
from roark_otel.dialects.gen_ai import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel._model.dialect import Warn
    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.chat import Exchange

_ABOUT = (
    *(names.OPERATION, names.AGENT_NAME, names.AGENT_ID, names.AGENT_DESCRIPTION, names.OUTPUT_TYPE),
    *(names.LOGFIRE_TEMPLATE, names.TRACELOOP_KIND, *names.SYSTEMS),
)
"""What is kept of a model's own span, beside its times."""

_LISTS = (names.INPUT, names.OUTPUT, names.INSTRUCTIONS)
_LEAST_NS = 10_000
"""How long a call of a model is at least of which only the times of its events are known: they may be equal."""

_EVENT_OF = {Role.AGENT: names.ASSISTANT_EVENT, Role.CUSTOMER: names.USER_EVENT, Role.SYSTEM: names.SYSTEM_EVENT}


class _Logged(NamedTuple):
    """One log event: its place among all, and its span without what the event holds."""

    place: int
    span: SpanView
    held: Mapping[str, object]


class Logged:
    """Gathers log events, and the spans that they belong to."""

    __slots__ = ("_bare", "_events", "_owners", "_warn", "_with_messages")

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._events: dict[int, list[_Logged]] = {}
        self._bare: dict[int, SpanView] = {}
        self._with_messages: set[int] = set()
        self._owners: dict[int, int] = {}

    def read(self, span: SpanView) -> None:
        """Takes in the span of a log event."""
        get = span.attributes.get
        held = {name: value for name in (*_LISTS, names.EVENT_CONTENT) if (value := get(name)) is not None}
        body = held.get(names.EVENT_CONTENT)
        if isinstance(body, str) and len(body) > reading.MAX_JSON and _is_object(body):
            try:
                held[names.EVENT_CONTENT] = parsed_message(body)
            except ValueError as fault:
                self._warn(Unreadable(span, names.EVENT_CONTENT, str(fault)))
        place = get(names.PLACE)
        event = _Logged(place if isinstance(place, int) else 0, _without_messages(span), held)
        self._events.setdefault(span.parent_id or 0, []).append(event)
        self._owners[span.span_id] = span.parent_id or 0

    def saw(self, span: SpanView, found: Exchange) -> None:
        """Notes what a model's own span holds."""
        if found.asked or found.answered or found.mark:
            self._with_messages.add(span.span_id)
            self._bare.pop(span.span_id, None)
        else:
            self._bare[span.span_id] = _without_messages(span)

    def owner_of(self, span_id: int) -> int:
        """Returns the id of the span that a log event belongs to, 0 if it is not known; any other id as it is."""
        return self._owners.get(span_id, span_id)

    def spans(self) -> Iterator[SpanView]:
        """Yields the spans of models with the messages that were logged, where they have none of their own."""
        for parent_id, events in self._events.items():
            if parent_id not in self._with_messages:
                yield from _as_spans(self._bare.get(parent_id), sorted(events, key=lambda one: one.place))


def _without_messages(span: SpanView) -> SpanView:
    get = span.attributes.get
    kept = {name: value for name in _ABOUT if (value := get(name)) is not None}
    return span._replace(attributes=kept, events=(), resource={})


def _as_spans(own: SpanView | None, events: list[_Logged]) -> Iterator[SpanView]:
    """Yields one span for each call of a model. Several calls that share a span are each as long as their events."""
    calls = list(_calls(events))
    before_ns = 0
    for call in calls:
        span, at_ns = call[0].span, call[-1].span.start_ns
        attributes = dict(span.attributes) if own is None else {**own.attributes, **span.attributes}
        if own is not None and len(calls) == 1:
            span = own
        else:
            end_ns = max(at_ns, before_ns + 2 * _LEAST_NS)
            span = span._replace(start_ns=max(before_ns, min(span.start_ns, end_ns - _LEAST_NS)), end_ns=end_ns)
            before_ns = end_ns
        for one in call:
            attributes |= _lists(one)
        yield span._replace(attributes=attributes, events=tuple(_messages(call)))


def _calls(events: Sequence[_Logged]) -> Iterator[list[_Logged]]:
    """Yields the events of each call of a model: one that holds all, or messages up to the answers to them."""
    whole: list[_Logged] = []
    for event in events:
        if event.span.name == names.DETAILS_EVENT and event.held not in (one.held for one in whole):
            whole.append(event)
    if whole:
        yield from ([one] for one in whole)
        return
    call: list[_Logged] = []
    for event in events:
        if call and _begins_another(event, call[-1]):
            yield call
            call = []
        call.append(event)
    if call:
        yield call


def _begins_another(event: _Logged, before: _Logged) -> bool:
    """Whether an event belongs to another call of a model: a message after an answer, or a first answer after one."""
    if before.span.name != names.CHOICE_EVENT:
        return False
    return event.span.name != names.CHOICE_EVENT or _index(event) <= _index(before)


def _index(choice: _Logged) -> int:
    index = _fields(choice.held.get(names.EVENT_CONTENT)).get("index")
    return index if isinstance(index, int) else 0


def _lists(event: _Logged) -> Mapping[str, object]:
    """Returns the lists of messages that a whole event holds."""
    if event.span.name != names.DETAILS_EVENT:
        return {}
    body = _fields(event.held.get(names.EVENT_CONTENT))
    return {name: found for name in _LISTS if (found := event.held.get(name, body.get(name))) is not None}


def _messages(call: Iterable[_Logged]) -> Iterator[SpanEvent]:
    """Yields the messages of events that hold one each, as instrumentations put them on spans."""
    asked: list[str] = []
    for event in call:
        if event.span.name == names.DETAILS_EVENT:
            continue
        fields = _fields(event.held.get(names.EVENT_CONTENT))
        name, content = event.span.name, fields.get("content")
        if content == names.ELIDED:
            continue
        if name == names.CHOICE_EVENT:
            fields = {"message": content, **fields}
        elif name == names.TOOL_EVENT:
            fields = _with_id(fields, asked)
        elif isinstance(content, Mapping):  # Google's ADK logs a history as messages of the customer, with their roles
            role = next((one.role for one in messages(cast("object", content), Role.UNKNOWN)), Role.UNKNOWN)
            name = _EVENT_OF.get(role, name)
        for message in messages([{"role": "assistant", **fields}], Role.AGENT):
            asked += [one.call_id for one in message.calls if one.call_id]
        yield SpanEvent(name, event.span.start_ns, fields)


def _with_id(fields: Mapping[str, object], asked: list[str]) -> Mapping[str, object]:
    """Returns the fields of a tool's result with the id of the use; one without gets that of the first left open."""
    known = next((one for key in ("id", "tool_call_id") if isinstance(one := fields.get(key), str)), None)
    if known in asked:
        asked.remove(known)
    if known is not None or not asked:
        return fields
    return {**fields, "id": asked.pop(0)}


def _fields(body: object) -> Mapping[str, object]:
    """Returns the fields of a body: of an object, or the one text that it is; none of JSON that is cut or too long."""
    if not isinstance(body, str):
        return fields_of(body)
    if not _is_object(body):
        return {"content": body}
    try:
        return fields_of(reading.parsed(body))
    except ValueError:
        return {}


def _is_object(body: str) -> bool:
    return body.lstrip().startswith('{"')
