"""Which tools were used, as histories show: an id, a name and arguments may come again, or the id be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from roark_otel.dialects.pipecat.messages import Answered, Called, async_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roark_otel.dialects.pipecat.messages import Item
    from roark_otel.dialects.pipecat.threads import News

_RUNNING = "IN_PROGRESS"
CANCELLED = "CANCELLED"
"""Stands in a history in the place of what a tool gave back that was interrupted."""

_NAMELESS = "tool_call_result"
"""Stands in Gemini's histories in the place of a name that Pipecat does not know."""

_OF_TOOLS: Final = frozenset({Called, Answered})


class Call(NamedTuple):
    """A tool was called, by an id that may not be its alone, or by none.

    `seen_ns` is when that was known, and `span_id` the span that shows it.
    """

    seen_ns: int
    name: str
    arguments: str
    call_id: str
    span_id: int


class Answer(NamedTuple):
    """A tool gave this back. `seen_ns` is when that was known."""

    seen_ns: int
    content: str


class Use:
    """One use of a tool. `is_running`: a history says so in place of what it gave back."""

    __slots__ = ("answer", "call", "is_running")

    def __init__(self, call: Call) -> None:
        self.call: Call = call
        self.answer: Answer | None = None
        self.is_running: bool = False

    def is_of(self, call: Call | Called) -> bool:
        """Returns whether a call says the same."""
        mine = self.call
        return (mine.call_id, mine.name, mine.arguments) == (call.call_id, call.name, call.arguments)


class _Thread:
    """The uses of one thread of histories, and those of them that may still be answered."""

    __slots__ = ("open", "uses")

    def __init__(self) -> None:
        self.uses: list[Use] = []
        self.open: list[Use] = []


class MentionedTools:
    """The tool uses that the histories of a conversation mention, in their order."""

    __slots__ = ("_threads", "uses")

    def __init__(self) -> None:
        self._threads: dict[int, _Thread] = {}
        self.uses: list[Use] = []

    def learn(self, news: News) -> None:
        """Takes in what a history adds."""
        if not news.again and _OF_TOOLS.isdisjoint(map(type, news.items)):
            return
        thread = self._threads.setdefault(news.thread, _Thread())
        at_ns = news.view.start_ns
        again = _repeated(news.again, thread.uses)
        open_ = [use for use in thread.open if use not in again.values()]
        for index, item in enumerate(news.again):
            if isinstance(item, Called) and index in again:
                open_.append(again[index])
            elif isinstance(item, Answered):
                _answer(item, open_, at_ns)
        for item in news.items:
            if isinstance(item, Called):
                use = self._use(item, news)
                thread.uses.append(use)
                open_.append(use)
            elif isinstance(item, Answered):
                _answer(item, open_, at_ns)
        thread.open = open_

    def _use(self, called: Called, news: News) -> Use:
        """Returns the use of a new call: the one of another thread that mentions the same, or a new one."""
        if called.call_id:
            for use in reversed(self.uses):
                if use.call.seen_ns <= news.since_ns:
                    break
                if use.is_of(called) and use not in self._threads[news.thread].uses:
                    return use
        view = news.view
        use = Use(Call(view.start_ns, called.name, called.arguments, called.call_id, view.span_id))
        self.uses.append(use)
        return use


def _repeated(again: Sequence[Item], uses: Sequence[Use]) -> dict[int, Use]:
    """Returns the uses that repeated calls are, by the places of the calls."""
    found: dict[int, Use] = {}
    left = len(uses)
    for index in range(len(again) - 1, -1, -1):
        item = again[index]
        if isinstance(item, Called):
            place = next((place for place in range(left - 1, -1, -1) if uses[place].is_of(item)), None)
            if place is not None:
                found[index], left = uses[place], place
    return found


def _answer(answered: Answered, open_: list[Use], at_ns: int) -> None:
    """Gives an answer to the call it belongs to: the first one of its id, or of its name, that none was given yet."""
    fitting = [use for use in open_ if answered.call_id and answered.call_id == use.call.call_id]
    fitting = fitting or [use for use in open_ if _fits(answered, use.call)]
    use = next((use for use in fitting if not use.is_running), None) or next(iter(fitting), None)
    if use is None:
        return
    content = settled(answered.content)
    if content is None:
        use.is_running = True
        return
    open_.remove(use)
    if use.answer is None:
        use.answer = Answer(at_ns, content)


def _fits(answered: Answered, call: Call) -> bool:
    """Returns whether an answer may be that of a call, as far as one of them has no id."""
    return not (answered.call_id and call.call_id) and answered.name in {"", call.name, _NAMELESS}


def settled(content: str) -> str | None:
    """Returns what a tool gave back, None as long as it runs."""
    if fields := async_tool(content):
        result = fields.get("result")
        return result if fields.get("status") == "finished" and isinstance(result, str) else None
    plain = content.strip().strip('"')
    return None if plain == _RUNNING else CANCELLED if plain == CANCELLED else content
