"""Calls that wait in the spool for their recordings, and what becomes of them when the wait ends.

A recording comes from an attachment, from the app's resolver, or in the end from the fallback. A waiting call belongs
to the process that spooled it, which touches the file now and then; once that stops, another process takes it over.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from pathlib import Path  # noqa: TC003 - the fields of a dataclass
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._delivery.answers import backoff
from roark_otel._delivery.errands import Errand
from roark_otel._delivery.kept_urls import KeptUrls
from roark_otel._delivery.reports import finished_call, log_without_recording
from roark_otel._delivery.resolver import Never, NotYet, Resolved, Resolver, ResolverAnswer
from roark_otel._delivery.waits import NEVER, TAKE_OVER_SECONDS, TOUCH_SECONDS, Wait, seconds_left, seconds_until_free
from roark_otel._safety.guard import guarded
from roark_otel._spool import attachments
from roark_otel._spool.body import with_recording
from roark_otel._spool.claims import Spooled
from roark_otel._spool.names import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel._delivery.errands import Errands
    from roark_otel._model.clock import Clock
    from roark_otel._model.hooks import RecordingResolver
    from roark_otel._model.stats import Tally
    from roark_otel._spool.file import Header
    from roark_otel._spool.spool import Spool

RETRY_SECONDS = 1.0
"""How soon a file that another process held, or that could not be written, is tried again."""


@dataclass(frozen=True, slots=True)
class RecordingPolicy:
    """The sources of recordings that arrive after the call.

    Args:
        root: The root of the spool, whose attachments count; None in memory.
        wait_seconds: How long a call waits after its end.
        fallback_url: What is sent when the wait is over; None to set the call aside.
        resolver: The app's resolver.
        url_for: Makes the URL of a call that waits already, of its header and body; None if nothing does.
        delay_seconds: How long after its end such a URL is good.
    """

    root: Path | None = None
    wait_seconds: float = 86_400.0
    fallback_url: str | None = None
    resolver: RecordingResolver | None = None
    url_for: Callable[[Header, bytes], str | None] | None = None
    delay_seconds: float = 0.0


class WaitingCalls:
    """The calls of a spool that wait for their recordings. All methods are for the courier's thread.

    Args:
        spool: Where the calls are.
        errands: Takes the calls that have a recording.
        tally: Counts calls that are set aside.
        policy: Where recordings come from.
        post: Takes the resolver's answers to the courier's thread.
        clock: Supplies the time.
    """

    def __init__(
        self,
        spool: Spool,
        errands: Errands,
        tally: Tally,
        policy: RecordingPolicy,
        post: Callable[[ResolverAnswer], None],
        clock: Clock = time,
    ) -> None:
        self._spool = spool
        self._errands = errands
        self._tally = tally
        self._policy = policy
        self._clock = clock
        self._resolver = None if policy.resolver is None else Resolver(policy.resolver, post, tally)
        self._kept = KeptUrls(policy.root)
        self._waits: dict[str, Wait] = {}
        self._believed_since = 0.0

    def __len__(self) -> int:
        return len(self._waits)

    def next_at(self) -> float:
        """Returns when there is something to do, in monotonic seconds."""
        soonest = min((wait.next_at(has_resolver=self._has_source) for wait in self._waits.values()), default=NEVER)
        return min(soonest, self._resolver.next_at() if self._resolver else NEVER)

    @property
    def _has_source(self) -> bool:
        return self._resolver is not None or self._policy.url_for is not None

    def believe_since(self, since: float) -> None:
        """Notes since when the wall clock is believed, in epoch seconds: what was before does not count as waiting."""
        self._believed_since = since

    # What waits

    def add_own(self, name: str) -> None:
        """Adds a call that this process spooled."""
        now = self._clock.monotonic()
        known = self._waits.get(name)
        if known is None:
            self._begin(name, own=True, ask_at=now)
        else:
            self._waits[name] = known.owned(now)

    def count_others(self) -> int:
        """Returns how many calls other processes look after."""
        return sum(1 for wait in self._waits.values() if not wait.own)

    def names(self) -> set[str]:
        """Returns the names of the calls."""
        return set(self._waits)

    def take_in(self, files: Iterable[tuple[str, float]], gone: Iterable[str]) -> None:
        """Adds the calls of other processes, forgets those that no longer wait, and gives the others what was attached.

        Args:
            files: The names of waiting calls in the spool, with the times when they were last touched.
            gone: The names of those that no longer wait.
        """
        for name, touched in files:
            free_at = self._clock.monotonic() + seconds_until_free(touched, self._clock.time())
            known = self._waits.get(name)
            if known is None:
                self._begin(name, own=False, ask_at=free_at)
            elif not known.own:
                self._waits[name] = known.left_alone(free_at)
        for name in gone:
            self._waits.pop(name, None)
        ids = {name: wait.call.external_id for name, wait in self._waits.items()}
        attached = set(self._kept.on_disk(ids.values())) if ids else set[str]()
        for name in [name for name, external_id in ids.items() if external_id in attached]:
            self._give_kept(name)

    @guarded(None)
    def _begin(self, name: str, *, own: bool, ask_at: float) -> None:
        with self._spool.claim(name, (Stage.WAITING,)) as call:
            if not isinstance(call, Spooled):
                return
            header = call.header
        now = self._clock.monotonic()
        counted = replace(header, finished_at=max(header.finished_at, self._believed_since))
        ends_at = now + seconds_left(counted, self._policy.wait_seconds, self._clock.time())
        if own:
            wait = Wait(finished_call(header), own, ask_at, ends_at, touch_at=now + TOUCH_SECONDS)
        else:
            wait = Wait(finished_call(header), own, ask_at, ends_at + TAKE_OVER_SECONDS)
        self._waits[name] = wait
        self._give_kept(name)
        if not own and not header.has_resolver and self._policy.url_for is not None:
            # The process that spooled it had nothing that could know better.
            self._give_later(name, self._policy.url_for)

    # What is known of their recordings

    def attach(self, external_id: str, url: str, *, is_kept: bool) -> None:
        """Gives the waiting calls of an id a recording; in memory it is kept for one to come unless a disk keeps it."""
        names = [name for name, wait in self._waits.items() if wait.call.external_id == external_id]
        for name in names:
            self._give(name, url)
        if not names and not is_kept:
            self._kept.keep(external_id, url)

    def resolve(self, answer: ResolverAnswer) -> None:
        """Acts on an answer of the resolver, also on one that comes after its attempt was abandoned."""
        is_current = self._resolver is not None and self._resolver.has_ended(answer.attempt)
        match answer.resolution:
            case Resolved(url):
                self._give(answer.name, url)
            case Never():
                self._end(answer.name)
            case NotYet():
                if is_current:
                    self._ask_later(answer.name)
            case _:
                assert_never(answer.resolution)

    @guarded(None)
    def round(self) -> None:
        """Does what is due: ends waits, touches files and asks the resolver."""
        now = self._clock.monotonic()
        for name, wait in list(self._waits.items()):
            if wait.ends_at <= now:
                self._end(name)
                continue
            if wait.touch_at <= now:
                self._spool.touch(name)
                self._waits[name] = wait = wait.touched(now)
            if wait.ask_at <= now and self._has_source:
                self._ask(name, wait, now)
        if self._resolver is not None:
            for name in self._resolver.round():
                self._ask_later(name)

    def _ask(self, name: str, wait: Wait, now: float) -> None:
        """Finds a call's recording: by what makes URLs here, else by the resolver."""
        self._waits[name] = wait.asked(now)
        if self._policy.url_for is not None and not wait.own:
            self._give_later(name, self._policy.url_for)
        elif self._resolver is not None:
            self._resolver.ask(name, wait.call)

    @guarded(None)
    def _give_later(self, name: str, url_for: Callable[[Header, bytes], str | None]) -> None:
        with self._spool.claim(name, (Stage.WAITING,)) as call:
            found = (call.header, call.body) if isinstance(call, Spooled) else None
        if found is not None and (url := url_for(*found)) is not None:
            self._give(name, url, not_before=found[0].finished_at + self._policy.delay_seconds)

    def _ask_later(self, name: str) -> None:
        if (wait := self._waits.get(name)) is not None:
            pause = RETRY_SECONDS + backoff(wait.failures + 1, random.random())  # noqa: S311 - jitter
            self._waits[name] = wait.unresolved(self._clock.monotonic() + pause)

    # How a wait ends

    def _give_kept(self, name: str) -> None:
        wait = self._waits.get(name)
        if wait is not None and (url := self._kept.take(wait.call.external_id)) is not None:
            self._give(name, url)

    def _give(self, name: str, url: str, not_before: float = 0.0) -> None:
        """Gives a waiting call its recording, so that it may be sent, from a time in epoch seconds on."""
        wait = self._waits.get(name)
        if wait is None or not self._write_recording(name, url):
            return
        del self._waits[name]
        self._kept.drop(wait.call.external_id)
        self._hand_over(name, wait, max(0.0, min(not_before - self._clock.time(), self._policy.delay_seconds)))

    @guarded(False)
    def _write_recording(self, name: str, url: str) -> bool:
        try:
            return attachments.give(self._spool, name, url)
        except OSError:
            self._ask_later(name)
            return False

    @guarded(None)
    def _end(self, name: str) -> None:
        """Ends a wait without a recording: the fallback is sent, or the call is set aside."""
        wait = self._waits.get(name)
        if wait is None:
            return
        # In case another process holds the file.
        self._waits[name] = replace(wait, ends_at=self._clock.monotonic() + RETRY_SECONDS)
        with self._spool.claim(name, (Stage.WAITING,)) as call:
            if not isinstance(call, Spooled):
                return
            del self._waits[name]
            if self._policy.fallback_url is None:
                outcome = self._spool.reject(call, 0, "no_recording")
                self._tally.add("rejected", error_type="no_recording")
                log_without_recording(call.header, outcome)
                return
            body = with_recording(call.body, self._policy.fallback_url, is_fallback=True)
            self._spool.rewrite(call, call.header, body, Stage.READY)
        self._hand_over(name, wait)

    def _hand_over(self, name: str, wait: Wait, rest: float = 0.0) -> None:
        self._errands.put(name, Errand(self._clock.monotonic() + rest, wait.own, self._clock.time()))
