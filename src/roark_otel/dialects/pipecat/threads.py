"""What each history adds to those before it.

A call may have several threads of histories: a second model judges what is said, or an app clears the history and
begins another. In a thread every history goes on with the one before, by its items, not by its text: prompts change,
old messages are dropped or summarised, a result takes the place of the note that a tool runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.tuples import made
from roark_otel.dialects.pipecat.history import KEPT, HistoryView
from roark_otel.dialects.pipecat.marks import plain
from roark_otel.dialects.pipecat.messages import Answered, Item, Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_RECENT = 4
"""The number of histories that one may go on with."""

_ALIKE = 4
"""How many items in a row show that two histories are at the same place."""

_REPLACED = 2
"""How many of the last items of a history the next one may have others for."""


class News(NamedTuple):
    """What a history adds.

    Args:
        view: The history.
        thread: The number of its thread, from 0.
        again: Items that were known, some perhaps in another state; none where nothing can have changed.
        items: The new ones.
        begins: Whether no history of its thread had anything before.
        since_ns: When the history before it was, 0 if there is none.
        replaced: The number of items at the end of the history before that this one has others for.
    """

    view: HistoryView
    thread: int
    again: Sequence[Item]
    items: Sequence[Item]
    begins: bool
    since_ns: int
    replaced: int


def _not_restored(view: HistoryView, is_known: Callable[[str, int], bool]) -> Sequence[Item]:
    """Returns what a history that begins a thread holds of this call: nothing before words that it has not heard."""
    items = view.last(KEPT)
    for place in range(len(items) - 1, -1, -1):
        item = items[place]
        if isinstance(item, Said) and plain(item.text) and not is_known(item.text, view.start_ns):
            return items[place + 1 :]
    return items


class _Match(NamedTuple):
    """How a history goes on with another: it adds `added` items, and has others for the last `replaced`.

    `is_same`: what it repeats is as it was.
    """

    added: int
    replaced: int
    is_same: bool


def news(histories: Iterable[HistoryView], is_known: Callable[[str, int], bool]) -> Iterator[News]:
    """Yields what each history adds. What an app restored from an earlier call is not new.

    Args:
        histories: The histories, by start.
        is_known: Whether the agent said a text in this call before a time.
    """
    recent: list[tuple[HistoryView, int]] = []
    threads = 0
    for view in histories:
        match, place = _best(recent, view)
        if match is None:
            yield News(view, threads, (), _not_restored(view, is_known), True, 0, 0)
            recent.insert(0, (view, threads))
            threads += 1
        else:
            before, thread = recent[place]
            stop, total, count = view.stop, before.total, match.added
            again = () if match.is_same else view.items[max(0, stop - KEPT) : stop - count]
            added = view.items[stop - count : stop] if total else _not_restored(view, is_known)
            yield made(News, (view, thread, again, added, total == 0, before.start_ns, match.replaced))
            if count or view.total >= total:
                del recent[place]
            recent.insert(0, (view, thread))
        del recent[_RECENT:]


def _best(recent: Sequence[tuple[HistoryView, int]], view: HistoryView) -> tuple[_Match | None, int]:
    """Returns how a history goes on with another, and the place of that: with the one to which it adds the least."""
    for place, (before, _) in enumerate(recent):
        if before.items is view.items:  # it was read as going on with it
            return made(_Match, (max(0, view.stop - before.stop), 0, True)), place
    found = [(one, place) for place, (before, _) in enumerate(recent) if (one := _match(before, view)) is not None]
    return min(found, key=_added_and_place, default=(None, 0))


def _added_and_place(found: tuple[_Match | None, int]) -> tuple[int, int]:
    return (found[0].added if found[0] else 0), found[1]


def _match(before: HistoryView, view: HistoryView) -> _Match | None:
    """Returns how a history goes on with another by its items, None if it does not."""
    old, new = before.last(KEPT), view.last(KEPT)
    grown = view.total - before.total
    if (added := _added(old, new, grown)) is not None:
        return _Match(added, 0, is_same=False)
    if new and _added(new, old, -grown) is not None:  # it stops earlier
        return _Match(0, 0, is_same=True)
    for replaced in range(1, _REPLACED + 1):
        if (added := _added(old[: len(old) - replaced], new, grown + replaced)) is not None:
            return _Match(added, replaced, is_same=False)
    return None


def _added(old: Sequence[Item], new: Sequence[Item], grown: int) -> int | None:
    """Returns how many items follow in `new` the place where `old` ends; None if it does not hold that place.

    `grown` is how many there are if nothing was dropped.
    """
    if not old:
        return None
    if 0 <= grown < len(new) and _are_alike(old, new, len(new) - grown):
        return grown
    return next((added for added in range(len(new)) if _are_alike(old, new, len(new) - added)), None)


def _are_alike(old: Sequence[Item], new: Sequence[Item], stop: int) -> bool:
    """Returns whether the items of `new` up to `stop` end as `old` does, as far as both go back.

    The first of either may be a summary, which changes.
    """
    count = min(_ALIKE, max(1, min(len(old), stop) - 1))
    return all(_is_same(old[-back], new[stop - back]) for back in range(1, count + 1))


def _is_same(one: Item, other: Item) -> bool:
    """Returns whether two items are the same, an answer in whichever state."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Answered) and isinstance(other, Answered):
        return (one.call_id, one.name) == (other.call_id, other.name)
    return one == other
