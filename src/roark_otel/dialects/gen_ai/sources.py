"""Where a span keeps its messages: attributes, span events, one attribute per field, or logfire's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model import reading
from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.json_lists import parsed_message
from roark_otel._model.roles import UNKNOWN_ROLE
from roark_otel.dialects.chat import (
    Exchange,
    Listing,
    Message,
    Recital,
    Role,
    fields_of,
    holds_message,
    indexed,
    is_unheard,
    messages,
)
from roark_otel.dialects.gen_ai import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.chat import Lists

_EVENT_ROLES = {
    names.SYSTEM_EVENT: Role.SYSTEM,
    names.USER_EVENT: Role.CUSTOMER,
    names.ASSISTANT_EVENT: Role.AGENT,
    names.TOOL_EVENT: Role.TOOL,
    names.CHOICE_EVENT: Role.AGENT,
}


class Sources:
    """Finds the messages of spans."""

    __slots__ = ("_lists", "_warn")

    def __init__(self, lists: Lists, warn: Warn) -> None:
        self._lists = lists
        self._warn = warn

    def exchange(self, span: SpanView) -> Exchange:
        """What a span holds of a model's work; the first place that has anything of a side has all of it."""
        asked = Exchange(Recital())
        answered: tuple[Message, ...] = ()
        for read in (self._current, self._per_message, self._numbered, self._logfire, self._adk, self._whole):
            found = read(span)
            if not asked.asked and not asked.mark:
                asked = found
            answered = answered or found.answered
            if answered and (asked.asked or asked.mark):
                break
        if is_unheard(asked.asked):
            self._warn(Unreadable(span, names.ROLE, UNKNOWN_ROLE))
        return asked._replace(answered=answered)

    def keep(self, exchange: Exchange) -> None:
        """Notes that all that an exchange was asked with has been added to `before`."""
        self._lists.keep(exchange.mark)

    def conversation(self, span: SpanView, name: str) -> tuple[Message, ...]:
        """A whole conversation that an attribute holds."""
        return tuple(messages(self._list(span, name, span.attributes.get(name)).items, Role.UNKNOWN))

    def instructions(self, span: SpanView) -> str | None:
        """The system prompt that stands apart from the messages."""
        for holder in _holders(span, names.INSTRUCTIONS, names.INSTRUCTIONS_EVENT):
            items = self._list(span, names.INSTRUCTIONS, holder).items
            words = [one.text for one in messages(items, Role.SYSTEM) if one.text]
            if words:
                return "\n\n".join(words)
        return None

    def _current(self, span: SpanView) -> Exchange:
        asked = next(iter(_holders(span, names.INPUT, names.INPUT)), None)
        answered = next(iter(_holders(span, names.OUTPUT, names.OUTPUT)), None)
        return self._lists_of(span, (names.INPUT, asked), (names.OUTPUT, answered))

    def _lists_of(self, span: SpanView, asked: tuple[str, object], answered: tuple[str, object]) -> Exchange:
        given = self._list(span, *asked)
        gave = self._list(span, *answered)
        return Exchange(
            before=given.before,
            asked=tuple(messages(given.items, Role.CUSTOMER)),
            answered=tuple(messages(gave.items, Role.AGENT)),
            mark=given.mark,
        )

    def _list(self, span: SpanView, name: str, value: object) -> Listing:
        return self._lists.read(name, value, span.start_ns, lambda why: self._warn(Unreadable(span, name, why)))

    def _per_message(self, span: SpanView) -> Exchange:
        asked: list[Message] = []
        answered: list[Message] = []
        for event in span.events:
            if isinstance(event.name, str) and event.name in _EVENT_ROLES:
                where = answered if event.name == names.CHOICE_EVENT else asked
                where.extend(self._event_messages(span, event.name, event.attributes))
        return Exchange(Recital(), tuple(asked), tuple(answered))

    def _event_messages(self, span: SpanView, name: str, fields: Mapping[str, object]) -> Iterable[Message]:
        role = _EVENT_ROLES[name]
        fields = {**fields, **self._content(span, name, fields)}
        body = fields.get("content")
        if name == names.CHOICE_EVENT:
            body = fields.get("message", body)
        if role is Role.TOOL:
            return messages([{**fields, "role": "tool", "content": body}], role)
        if isinstance(body, str) and body.lstrip()[:1] in {"[", "{"}:
            body = self._decoded(span, name, body)
        raw = {"role": role.value, **_without_content(fields), **_as_fields(body)}
        return messages([raw], role)

    def _content(self, span: SpanView, name: str, fields: Mapping[str, object]) -> Mapping[str, object]:
        """The fields of an event whose body is in one attribute; text that is no JSON is the words."""
        body = fields.get(names.EVENT_CONTENT)
        if not isinstance(body, str):
            return fields_of(body)
        try:
            found = fields_of(parsed_message(body) if body.lstrip().startswith("{") else None)
        except ValueError as fault:
            self._warn(Unreadable(span, names.EVENT_CONTENT, str(fault)))
            return {}
        where = "message" if name == names.CHOICE_EVENT else "content"
        return found if found.keys() & {"content", "message", "tool_calls", "parts"} else {where: body}

    def _decoded(self, span: SpanView, name: str, body: str) -> object:
        """A body as JSON, if it is a message's; words that only look like one are words."""
        try:
            found = parsed_message(body)
        except ValueError as fault:
            if not body.lstrip().startswith(('[{"', '{"')):
                return body
            self._warn(Unreadable(span, name, str(fault)))
            return None
        return found if holds_message(found) else body

    def _numbered(self, span: SpanView) -> Exchange:
        asked = messages(indexed(span.attributes, names.PROMPT_PREFIX), Role.CUSTOMER)
        answered = messages(indexed(span.attributes, names.COMPLETION_PREFIX), Role.AGENT)
        return Exchange(Recital(), tuple(asked), tuple(answered))

    def _logfire(self, span: SpanView) -> Exchange:
        get = span.attributes.get
        asked = next((name for name in names.LOGFIRE_INPUTS if name in span.attributes), None)
        answered = next((name for name in names.LOGFIRE_OUTPUTS if name in span.attributes), None)
        if names.LOGFIRE_TEMPLATE in span.attributes and asked and answered:
            return self._lists_of(span, (asked, get(asked)), (answered, get(answered)))
        if names.LOGFIRE_EVENTS in span.attributes:
            return self._event_list(span)
        return Exchange(Recital())

    def _adk(self, span: SpanView) -> Exchange:
        requests = self._objects(span, names.ADK_REQUEST)
        configs = [fields_of(one.get("config")).get("system_instruction") for one in requests]
        prompts = [one._replace(role=Role.SYSTEM) for config in configs for one in messages(config, Role.SYSTEM)]
        asked = (*prompts, *messages(requests, Role.CUSTOMER))
        return Exchange(Recital(), asked, tuple(messages(self._objects(span, names.ADK_RESPONSE), Role.AGENT)))

    def _objects(self, span: SpanView, name: str) -> list[Mapping[str, object]]:
        items = self._list(span, name, span.attributes.get(name)).items
        return [fields for one in items if (fields := fields_of(one))]

    def _whole(self, span: SpanView) -> Exchange:
        asked = next(_named(span, names.PROMPT), None)
        answered = next(_named(span, names.COMPLETION), None)
        return self._lists_of(span, (names.PROMPT, asked), (names.COMPLETION, answered))

    def _event_list(self, span: SpanView) -> Exchange:
        """One list of events, in which the answer comes last."""
        found: list[Message] = []
        for item in self._list(span, names.LOGFIRE_EVENTS, span.attributes.get(names.LOGFIRE_EVENTS)).items:
            fields = fields_of(item)
            name = fields.get("event.name")
            if isinstance(name, str) and name in _EVENT_ROLES:
                found.extend(self._event_messages(span, name, fields))
        upto = len(found)
        while upto and found[upto - 1].role is Role.AGENT:
            upto -= 1
        return Exchange(Recital(), tuple(found[:upto]), tuple(found[upto:]))


def answers_in_data(span: SpanView) -> bool:
    """Whether a model was asked for JSON: a program reads its answer, and it is not spoken."""
    wanted = (reading.text(span.attributes.get(name)) for name in (names.OUTPUT_TYPE, names.RESPONSE_FORMAT))
    return any(one is not None and one.lower() in names.DATA_FORMATS for one in wanted)


def _holders(span: SpanView, name: str, event_name: str) -> Iterator[object]:
    """The values of a name on the span, then on its events of details, then the body of an event of its own."""
    bodies = (one.attributes.get(names.EVENT_CONTENT) for one in span.events if one.name == event_name)
    details = (one.attributes.get(name) for one in span.events if one.name == names.DETAILS_EVENT)
    return (one for one in (span.attributes.get(name), *details, *bodies) if one is not None)


def _named(span: SpanView, name: str) -> Iterator[object]:
    """The values of a name on the span, then on any of its events."""
    holders = (span.attributes, *(one.attributes for one in span.events))
    return (one[name] for one in holders if one.get(name) is not None)


def _without_content(fields: Mapping[str, object]) -> Mapping[str, object]:
    return {key: value for key, value in fields.items() if key in {"tool_calls", "id"}}


def _as_fields(body: object) -> Mapping[str, object]:
    """The body of an event as the fields of a message: it is one, or what one holds."""
    fields = fields_of(body)
    if fields.keys() & {"content", "tool_calls", "parts"}:
        return {key: value for key, value in fields.items() if key != "role"}
    return {"content": body}
