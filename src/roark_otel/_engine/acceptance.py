"""Which conversations a processor takes, where several projects share a process: the app's `accepts` hook decides.

It is asked once for each conversation, on a thread of its own, and the answer holds for the call and its exported
traces. What it does not answer goes nowhere: a call may not reach the project of another customer by mistake.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections import OrderedDict
from contextlib import suppress
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from roark_otel._safety.answer import Answer
from roark_otel._safety.guard import guarded, log_once
from roark_otel._safety.hook_thread import DEADLINE_SECONDS, HookThread
from roark_otel._safety.log_ids import log_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.hooks import Accepts

ANSWER_SECONDS: Final = 6 * 3_600.0
"""How long an answer holds after it was last used: the same id may come back the next day."""

MAX_ANSWERS: Final = 10_000
"""The most answers that are remembered."""


class Accepted(Enum):
    """What becomes of a conversation here."""

    YES = "it makes a call"
    NO = "it is left to other processors"
    UNKNOWN = "the hook raised, gave no bool, or took too long: it is set aside"


class _Asked:
    """A conversation that the hook was or is being asked about. `used_at` in monotonic seconds."""

    __slots__ = ("accepted", "done", "is_counted", "used_at")

    def __init__(self) -> None:
        self.accepted = Accepted.UNKNOWN
        self.done = Answer()
        self.is_counted = False
        self.used_at = time.monotonic()


class Acceptance:
    """Asks the hook, on any thread, and remembers its answers.

    Args:
        accepts: The hook; None to take every conversation.
    """

    def __init__(self, accepts: Accepts | None) -> None:
        self._accepts = accepts
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self.thread = HookThread("roark-otel-accepts", _report_slow)

    @property
    def is_choosy(self) -> bool:
        """Whether there is a hook."""
        return self._accepts is not None

    def of(self, external_id: str, attributes: Mapping[str, object]) -> Accepted:
        """Returns what becomes of a conversation: the first answer, whatever its attributes are by now."""
        if self._accepts is None:
            return Accepted.YES
        now, own = time.monotonic(), _Asked()
        asked = self._asked.setdefault(external_id, own)
        if asked is not own and asked.done.is_set and now - asked.used_at > ANSWER_SECONDS:
            self._asked[external_id] = asked = own
        if asked is own:
            self._ask(own, external_id, attributes)
        elif not asked.done.wait(DEADLINE_SECONDS):  # another thread asks
            return Accepted.UNKNOWN
        asked.used_at = now
        with suppress(KeyError):  # another thread has forgotten it
            self._asked.move_to_end(external_id)
        return asked.accepted

    def is_news(self, external_id: str) -> bool:
        """Returns whether it is the first time that this is asked about an answer, so that it is counted once."""
        asked = self._asked.get(external_id)
        if asked is None or asked.is_counted:
            return False
        asked.is_counted = True
        return True

    def _ask(self, asked: _Asked, external_id: str, attributes: Mapping[str, object]) -> None:
        try:
            found = self.thread.answers(self._answer, [(external_id, MappingProxyType(dict(attributes)))])
            asked.accepted = next((one for one in found if isinstance(one, Accepted)), Accepted.UNKNOWN)
        finally:
            asked.done.set()
        self._forget_oldest()
        if asked.accepted is Accepted.NO:
            _warn_if_no_processor_takes(external_id)

    def _answer(self, question: tuple[str, Mapping[str, object]]) -> Accepted:
        answer = _of_hook(self._accepts, *question)
        if isinstance(answer, bool):
            return Accepted.YES if answer else Accepted.NO
        if answer is not _RAISED:
            log_once(
                logging.ERROR,
                (),
                "the accepts hook returned a %s and not a bool; the conversation is not sent: it is kept in rejected/",
                type(answer).__name__,
            )
        return Accepted.UNKNOWN

    def _forget_oldest(self) -> None:
        while len(self._asked) > MAX_ANSWERS:
            try:
                self._asked.popitem(last=False)
            except KeyError:  # another thread did
                return

    def has_declined(self, external_id: str) -> bool:
        """Returns whether a conversation is left to others."""
        asked = self._asked.get(external_id)
        return asked is not None and asked.done.is_set and asked.accepted is Accepted.NO

    def join(self) -> None:
        """Notes that the processor gets spans, so that a conversation may be left to it."""
        _all.add(self)

    def leave(self) -> None:
        """Notes that the processor was shut down."""
        _all.discard(self)


_RAISED: Final = object()

_all: weakref.WeakSet[Acceptance] = weakref.WeakSet()
"""Those of all processors that take conversations in this process."""


@guarded(_RAISED)
def _of_hook(accepts: Accepts | None, external_id: str, attributes: Mapping[str, object]) -> object:
    return True if accepts is None else accepts(external_id, attributes)


def _report_slow() -> None:
    log_once(
        logging.ERROR,
        (),
        "the accepts hook did not answer in time, which is %d s, or less when the process ends; the conversation is "
        "not sent: it is kept in rejected/, and `roark-otel spool retry` sends it",
        int(DEADLINE_SECONDS),
    )


def _warn_if_no_processor_takes(external_id: str) -> None:
    if all(one.has_declined(external_id) for one in list(_all)):
        log_once(
            logging.WARNING,
            (),
            "no processor takes conversation %s, so it is sent nowhere: accepts= of each returned False",
            log_id(external_id),
        )
