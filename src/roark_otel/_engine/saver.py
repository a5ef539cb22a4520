"""Saves conversations while they go on, so that each outlives the process that it is in.

A conversation is saved at once when its root ends, and before that whenever it has changed and the budget allows. What
is saved is a whole call, made by the same pass as one that has ended.
"""

from __future__ import annotations

import time
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._engine.budget import SHARE, Budget
from roark_otel._engine.written import NOTHING_SAVED, Saving
from roark_otel._open.group import State
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._capture.open_rows import OpenRows
    from roark_otel._model.steps import Pause
    from roark_otel._open.group import Group
    from roark_otel._open.groups import Groups

SAVE_SECONDS: Final = 2.0
"""How often a conversation that goes on is saved, if it has changed."""

_EARLY_SECONDS: Final = 0.75
"""A look that is due so soon is made at once: the assembler wakes once a second, and not for each look."""


_Look: TypeAlias = "tuple[float, tuple[object, ...]]"
"""When a conversation was looked at last, in monotonic seconds, and what it was then: a tuple costs no collection."""


class NoSaver:
    """Saves nothing: calls in memory are lost with the process anyway."""

    def save_ended(self, now: float) -> None:
        """Does nothing."""

    def run(self, now: float) -> None:
        """Does nothing."""

    def unsaved_seconds(self) -> float:
        """Returns 0."""
        return 0.0


class Saver:
    """Knows what is to be saved when. One thread owns it, but for `unsaved_seconds`.

    Args:
        groups: What is open.
        open_spans: Counts what open spans have.
        save: Saves a group.
        beat: Called in each run: shows other processes that this one lives.
        pause: Called after each, so that other threads may run.
        is_called: Returns whether the assembler is to look into its inbox, where a root may have ended.
    """

    def __init__(
        self,
        groups: Groups,
        open_spans: OpenRows,
        save: Callable[[int], Saving],
        beat: Callable[[], None],
        pause: Pause,
        is_called: Callable[[], bool],
    ) -> None:
        self._groups = groups
        self._words = open_spans.words
        self._save = save
        self._beat = beat
        self._pause = pause
        self._is_called = is_called
        self._budget = Budget(time.monotonic())
        self._looked = 0.0
        self._looks: dict[int, _Look] = {}
        self._due: list[tuple[float, int]] = []
        self._begun: list[int] = []
        self._ended: list[int] = []
        groups.schedule.on_begin = self._begun.append
        groups.schedule.on_linger = self._ended.append

    def unsaved_seconds(self) -> float:
        """Returns the age of the oldest word that may not be saved yet. Any thread may ask."""
        now = time.monotonic()
        return max((now - at for at, _ in list(self._looks.values())), default=0.0)

    def save_ended(self, now: float) -> None:
        """Saves what has just ended, whatever the budget is."""
        ended = self._ended.copy()
        self._ended.clear()
        for number in ended:
            self._look_at_end(number, now)

    def run(self, now: float) -> None:
        """Saves what has just ended, then what has changed, as far as the budget allows.

        A root that ends meanwhile waits for no more than the look that goes on. Each run makes one look at least.
        """
        began, self._looked = time.thread_time(), 0.0
        self._run(now)
        self._budget.spend(time.thread_time() - began - self._looked, 0)

    def _run(self, now: float) -> None:
        begun = self._begun.copy()
        self._begun.clear()
        self._beat()
        for number in begun:
            self._looks[number] = (now, ())
            heappush(self._due, (now + SAVE_SECONDS / 2, number))  # it may have begun a second ago
        self.save_ended(now)
        while self._due and self._due[0][0] <= now + _EARLY_SECONDS and self._budget.is_left(now):
            self._look_in_turn(heappop(self._due)[1], now)
            if self._is_called():
                return

    @guarded(None)
    def _look_at_end(self, number: int, now: float) -> None:
        group = self._groups.places.by_number.get(number)
        # One that is finished in this round is not saved before.
        if group is not None and group.state is State.LINGERING and group.due is not None and group.due > now:
            self._look(group, now)

    @guarded(None)
    def _look_in_turn(self, number: int, now: float) -> None:
        group = self._groups.places.by_number.get(number)
        if group is None or group.number != number or group.state is State.CLOSED:
            self._looks.pop(number, None)
            return
        heappush(self._due, (now + max(SAVE_SECONDS, self._look(group, now) / SHARE), number))

    def _look(self, group: Group, now: float) -> float:
        """Saves a conversation if it has changed. Returns the seconds of CPU that took."""
        began = time.thread_time()
        state, known, saving = self._state(group), self._looks.get(group.number), NOTHING_SAVED
        if group.is_known and (known is None or state != known[1]):
            saving = self._save(group.number)
            self._pause()
        if saving.is_whole:  # else it is tried again, and its words are as old as before
            self._looks[group.number] = (now, state)
        cost = time.thread_time() - began
        self._looked += cost
        self._budget.spend(cost, saving.bytes)
        return cost

    def _state(self, group: Group) -> tuple[object, ...]:
        words = sum(map(self._words, group.numbers))
        return group.numbers, len(group.log), group.external_id, group.has_ended, words
