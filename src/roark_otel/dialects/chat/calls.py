"""Tool uses that messages mention: a model asks for a tool, and is asked again with the call and its answer.

1. Every later history repeats a call, so calls are known by id, name and arguments: a history that holds the same call
   for the second time shows that it was made twice. When it was first shown is when it was made, unless a model was
   seen to ask for it.
2. In one history an answer follows its call: it belongs to the call of its id made last, or, without an id that a call
   has, to the first call of its name that has no answer yet.
3. The item of a call may have another id than the call, and a call none where it is asked for.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.moments import Failed, Outcome, Returned, ToolUse, Unanswered
from roark_otel._model.repeated_uses import is_of_item
from roark_otel.dialects.chat.loose import LooseAnswers
from roark_otel.dialects.chat.shapes import Role
from roark_otel.dialects.chat.values import NO_REASON, gave, parameters, without_wrapper, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel.dialects.chat.pairing import CallKey
    from roark_otel.dialects.chat.recital import Recital, Span
    from roark_otel.dialects.chat.shapes import Answer, Call, Message


class Mentioned(NamedTuple):
    """A use that messages mention. `was_asked`: whether it is known when a model asked for it."""

    use: ToolUse
    agent: str | None
    was_asked: bool


class _Shown:
    """What histories show of a call: since when, and its answer, of several the last one."""

    __slots__ = ("agent", "answer", "answered", "at_ns", "rank", "span_id")

    def __init__(self, at_ns: int, rank: int, agent: str | None, span_id: int) -> None:
        self.at_ns = at_ns
        self.rank = rank
        self.agent = agent
        self.span_id = span_id
        self.answered: tuple[int, int, str] | None = None
        self.answer: Outcome = Unanswered()

    def show(self, at_ns: int, rank: int, agent: str | None, span_id: int) -> None:
        if (at_ns, rank, agent or "") < (self.at_ns, self.rank, self.agent or ""):
            self.at_ns, self.rank, self.agent, self.span_id = at_ns, rank, agent, span_id

    def wants(self, number: int, at_ns: int) -> bool:
        """Whether an answer that is shown may be the one that counts."""
        return self.answered is None or (-number, at_ns) <= self.answered[:2]

    def take(self, number: int, at_ns: int, outcome: Outcome) -> None:
        answered = (-number, at_ns, repr(outcome))
        if self.answered is None or answered < self.answered:
            self.answered, self.answer = answered, outcome


class _Ask(NamedTuple):
    """A model asked for tools. `digest`: what its history is known by."""

    end_ns: int
    start_ns: int
    span_id: int
    is_open: bool
    digest: int
    agent: str | None
    keys: tuple[CallKey, ...]


class Calls:
    """Gathers what messages say of tools, in any order of spans."""

    __slots__ = ("_asks", "_loose", "_parameters", "_shown", "_written")

    def __init__(self) -> None:
        self._asks: dict[int, _Ask] = {}
        self._shown: dict[CallKey, list[_Shown]] = {}
        self._loose = LooseAnswers()
        self._written: dict[str, str] = {}
        self._parameters: dict[str, dict[str, object]] = {}

    def shown(
        self, span: Span, before: Recital, messages: Iterable[Message], agent: str | None, *, is_wrapped: bool
    ) -> None:
        """A model was asked with a history, of which `messages` are what `before` does not have yet."""
        start_ns = span.start_ns
        for message in messages:
            if message.role is Role.CUSTOMER and message.text:
                before.tools.spoken()
            for call in message.calls:
                place = before.tools.called(self._key(call))
                several = self._shown.setdefault(place.key, [])
                missing = range(place.number - len(several))
                several.extend(_Shown(start_ns, place.rank, agent, span.span_id) for _ in missing)
                several[place.number - 1].show(start_ns, place.rank, agent, span.span_id)
            for answer in message.answers:
                found = before.tools.answered(answer)
                if found is None:
                    self._loose.add(start_ns, answer, _outcome(answer, is_wrapped=is_wrapped))
                    continue
                place, times = found
                shown = self._shown[place.key][place.number - 1]
                if shown.wants(times, start_ns):
                    shown.take(times, start_ns, _outcome(answer, is_wrapped=is_wrapped))

    def asked(self, span: Span, digest: int, messages: Sequence[Message], agent: str | None) -> None:
        """A model asked for tools; a span that is still open may ask again."""
        keys = tuple(self._key(call) for message in messages for call in message.calls)
        end_ns = span.start_ns if span.end_ns is None else span.end_ns
        known = self._asks.get(span.span_id)
        if keys and (span.end_ns is not None or known is None or known.is_open):
            ask = _Ask(end_ns, span.start_ns, span.span_id, span.end_ns is None, digest, agent, keys)
            self._asks[span.span_id] = ask
        for answer in (one for message in messages for one in message.answers):
            # The provider ran the tool itself, before the model was done.
            self._loose.add(end_ns + len(keys), answer, _outcome(answer, is_wrapped=False))

    def mentioned(self) -> list[Mentioned]:
        """Every use that messages mention."""
        by_key = self._own_asks()
        found: list[Mentioned] = []
        unseen: defaultdict[tuple[str, str], deque[tuple[CallKey, _Ask, int]]] = defaultdict(deque)
        only_shown: list[tuple[CallKey, _Shown]] = []
        for key in {**by_key, **self._shown}:
            asks = deque(by_key.get(key, ()))
            for one in self._shown.get(key, ()):
                if asks and asks[0][0].start_ns <= one.at_ns:
                    found.append(self._mentioned(key, *asks.popleft(), one))
                else:
                    only_shown.append((key, one))
            unseen[key[1:]].extend((key, *ask) for ask in asks)
        ranks: Counter[int] = Counter()
        for key, one in sorted(only_shown, key=lambda shown: (shown[1].at_ns, shown[1].rank, repr(shown[0]))):
            waiting = unseen[key[1:]]
            if waiting and waiting[0][1].start_ns <= one.at_ns and _may_be_one(waiting[0][0][0], key[0]):
                asked, ask, place = waiting.popleft()
                found.append(self._mentioned(_better(key, asked), ask, place, one))
            else:
                found.append(self._mentioned(key, None, ranks[one.at_ns], one))
                ranks[one.at_ns] += 1
        found += [self._mentioned(*ask, None) for several in unseen.values() for ask in several]
        uses = self._loose.given_to([one.use for one in found])
        return [one._replace(use=use) for one, use in zip(found, uses, strict=True)]

    def _key(self, call: Call) -> CallKey:
        written = _written(call.arguments)
        known = self._written.get(written)
        if known is None:
            given = parameters(call.arguments)
            known = self._written[written] = json.dumps(given, sort_keys=True)
            self._parameters.setdefault(known, given)
        return call.call_id, call.name, known

    def _own_asks(self) -> dict[CallKey, list[tuple[_Ask, int]]]:
        """What models asked for, without what a span around the asking one, or another one beside it, repeats."""
        found: dict[CallKey, list[tuple[_Ask, int]]] = {}
        latest: dict[CallKey, int] = {}
        for ask in sorted(self._asks.values(), key=lambda ask: (ask.end_ns, -ask.start_ns, ask.span_id)):
            for place, key in enumerate(ask.keys):
                several = found.setdefault(key, [])
                is_first = not several or several[-1][0].span_id == ask.span_id
                if is_first or not (latest[key] >= ask.start_ns or self._repeats(key, several[-1][0], ask)):
                    several.append((ask, place))
                    latest[key] = max(latest.get(key, 0), ask.start_ns)
        for several in found.values():
            several.sort(key=lambda asked: asked[0].start_ns)
        return found

    def _repeats(self, key: CallKey, before: _Ask, ask: _Ask) -> bool:
        """Whether a call with an id was asked for again after the same history, which had not grown by its answer."""
        if key[0] is None or before.digest != ask.digest:
            return False
        return not any(before.start_ns <= one.at_ns <= ask.start_ns for one in self._shown.get(key, ()))

    def _mentioned(self, key: CallKey, ask: _Ask | None, place: int, shown: _Shown | None) -> Mentioned:
        """A use, a nanosecond after the one before it that was asked for, or shown, at the same time."""
        start_ns = (ask.end_ns if ask else shown.at_ns if shown else 0) + place
        outcome: Outcome = shown.answer if shown else Unanswered()
        end_ns = max(start_ns, shown.answered[1]) if shown and shown.answered else None
        span_id = ask.span_id if ask else shown.span_id if shown else 0
        use = ToolUse(key[1], start_ns, end_ns, self._parameters[key[2]], outcome, key[0], span_id=span_id)
        return Mentioned(use, ask.agent if ask else shown.agent if shown else None, was_asked=ask is not None)


def _written(arguments: object) -> str:
    """The arguments as text, however they are given."""
    try:
        return arguments if isinstance(arguments, str) else json.dumps(arguments, sort_keys=True)
    except (ValueError, TypeError, RecursionError):
        return json.dumps(parameters(arguments), sort_keys=True)


def _outcome(answer: Answer, *, is_wrapped: bool) -> Outcome:
    found = gave(answer.value)
    if answer.is_error or found.is_error:
        return Failed(words_of(answer.value) or NO_REASON)
    return Returned(without_wrapper(answer.value) if is_wrapped else found.value)


def _may_be_one(one: str | None, other: str | None) -> bool:
    return one is None or other is None or is_of_item(one) != is_of_item(other)


def _better(shown: CallKey, asked: CallKey) -> CallKey:
    """The key with the id of the call itself."""
    return asked if shown[0] is None or (asked[0] is not None and is_of_item(shown[0])) else shown
