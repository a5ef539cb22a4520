"""The engine: inbox, assembler, spool and courier of one base URL and key in one process."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from roark_otel._capture.capture import Took
from roark_otel._capture.hooks import SpanHooks, end_hook, start_hook
from roark_otel._capture.savers import savers
from roark_otel._engine.acceptance import Accepted
from roark_otel._engine.endings import is_on_event_loop, wait_seconds
from roark_otel._engine.life import Life
from roark_otel._engine.notices import report_start, warn_of_siblings
from roark_otel._engine.parts import Parts, build, make_client
from roark_otel._engine.plan import Plan
from roark_otel._safety import own_threads
from roark_otel._safety.log_ids import hash_ids
from roark_otel._spool.id_hash import ids_of
from roark_otel._spool.listing import Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from pydantic import SecretStr

    from roark_otel._delivery.client import Client
    from roark_otel._model.dialect import Dialect
    from roark_otel._model.hooks import Hooks
    from roark_otel._model.stats import Stats
    from roark_otel._settings.settings import Settings

BUILD_SECONDS: Final = 1.0
"""The longest that a thread of a forked child waits for another one that builds the parts."""


class Engine:
    """Everything behind the processors of one base URL and key.

    Args:
        settings: The settings, with a key.
        api_key: The key.
        dialects: The dialects that are read, the highest first.
        hooks: The functions of the app.
        on_first_span: Called at the first span that counts in each process.
        connect: Makes the client of a plan, on the courier's thread.
    """

    def __init__(
        self,
        settings: Settings,
        api_key: SecretStr,
        dialects: Sequence[Dialect],
        hooks: Hooks,
        on_first_span: Callable[[Engine], None] = lambda _: None,
        connect: Callable[[Plan], Client] = make_client,
    ) -> None:
        self.settings = settings
        self.users = 0
        self._plan = Plan.of(settings, api_key, dialects, hooks)
        self._on_first_span = on_first_span
        self._connect = connect
        self._builders: dict[int, int] = {}
        if settings.log_external_id == "hash":
            hash_ids(ids_of(settings.spool_dir if settings.spool == "disk" else None).of)
        self._life = self._begin()
        savers.add(self)
        self.hooks = SpanHooks(self.on_start, self.on_end)
        self._shorten()

    def _shorten(self) -> None:
        """Lets most spans go the short way into the capture of this process."""
        life = self._life
        self.hooks.on_start = start_hook(life.capture, self.on_start)
        self.hooks.on_end = end_hook(life.capture, life, self.on_end)

    def _begin(self, parents_traces: Container[int] = ()) -> Life:
        return Life(build(self._plan, self._make_client, parents_traces))

    def _make_client(self) -> Client:
        # A method, so that threads with something left to deliver keep the engine alive, and exit hooks find it.
        return self._connect(self._plan)

    # On the app's threads

    def on_start(self, span: Span, parent_context: Context | None) -> None:
        """Takes in a span that starts, if it counts."""
        took = self._life.capture.on_start(span, parent_context)
        if took and (not self._life.is_awake or took is Took.FORKED):
            if took is Took.FORKED:
                self.be_of_this_process()
                self._life.capture.on_start(span, parent_context)
            self._wake()

    def on_end(self, span: ReadableSpan) -> None:
        """Takes in a span that ends, if it counts."""
        took = self._life.capture.on_end(span)
        if took and (not self._life.is_awake or took is Took.FORKED):
            if took is Took.FORKED:
                self.be_of_this_process()
                took = self._life.capture.on_end(span)
                if not took:
                    return
            self._wake()
        if took is Took.ROOT and (seconds := self.wait_at_end_seconds(is_async=False)) and not is_on_event_loop():
            self.save_what_ended(seconds)

    def wait_at_end_seconds(self, *, is_async: bool) -> float:
        """Returns how long the end of a conversation may wait here; `is_async`: while an event loop goes on."""
        configured = self.settings.wait_at_end_seconds
        is_prepared = self.parts.assembler.is_prepared
        return wait_seconds(is_async=is_async, is_prepared=is_prepared) if configured is None else configured

    def save_what_ended(self, seconds: float) -> None:
        """Waits, at most this long, until the conversations that have ended are on disk."""
        if self.is_used_here:
            self.parts.assembler.save_what_ended(seconds)

    def _wake(self) -> None:
        """Starts the threads, at the first span that counts and at those after the last processor was shut down."""
        life = self._life
        # While the system starts no thread, every span comes here, and tries again.
        life.is_awake = life.parts.start() and not life.is_retired
        if life.is_used:
            return
        life.is_used = True
        self._on_first_span(self)
        report_start(self.settings, life.parts.spool.place, self._plan.recording_source, self._plan.content)

    # For the app

    def start_with_backlog(self) -> None:
        """Delivers what earlier processes left in the spool, and warns of what it cannot deliver.

        A thread looks: a disk may take seconds to answer.
        """
        self.be_of_this_process()
        if (directory := self.parts.spool.directory) is not None:
            self.parts.courier.start_with_backlog(partial(warn_of_siblings, self.settings, directory))

    def attach(self, external_id: str, url: str, *, is_kept: bool) -> bool:
        """Gives calls of this id a recording. Returns whether one of them waits in memory here.

        `is_kept`: whether the disk keeps the URL for calls to come, if there are disks.
        """
        parts = self.parts
        is_awaited = parts.spool.awaits_in_memory(external_id)
        parts.courier.attach(external_id, url, is_kept=is_kept and parts.spool.directory is not None)
        return is_awaited

    def drain(self, timeout: float) -> bool:
        """Delivers what any process left in the spool, in at most these seconds. Returns whether none of it is due."""
        self.be_of_this_process()
        return not own_threads.is_here() and self.parts.courier.drain(time.monotonic() + timeout)

    def flush(self, timeout: float) -> bool:
        """Finishes and delivers what has ended, in at most these seconds. Returns whether all of it was delivered.

        In a hook or a logging handler that runs on one of our own threads it returns False at once: that thread would
        wait for itself.
        """
        self.be_of_this_process()
        if not self._life.is_used:
            return True
        return not own_threads.is_here() and self._flush(time.monotonic() + timeout, None)

    def shut_down(self, linger: float) -> None:
        """Flushes, and closes as incomplete the conversations that have been idle for `linger` seconds.

        Those with activity get `linger` seconds more, if there is time. What is still active then is left alone.
        """
        self.be_of_this_process()
        if not self._life.is_used or own_threads.is_here():
            return
        deadline = time.monotonic() + self.settings.exit_timeout_seconds
        self._flush(deadline, linger)
        if self.parts.assembler.open_conversations and time.monotonic() + linger < deadline:
            time.sleep(linger)
            self._flush(deadline, linger)

    def _flush(self, deadline: float, close_idle: float | None) -> bool:
        # Everything that is finished goes to disk before anything is sent.
        return self.save(deadline, close_idle) and self.send(deadline)

    def save(self, deadline: float, close_idle: float | None) -> bool:
        """Puts what is finished into the spool, until this monotonic time. Returns whether it was in time.

        `close_idle`: None to finish what has ended; else also close, as incomplete, what was idle for these seconds.
        """
        return self.parts.assembler.ask(deadline, close_idle)

    def begin_to_save(self, deadline: float, close_idle: float | None) -> Callable[[float], bool]:
        """Does what `save` does without waiting for it. Returns what waits for it, until a monotonic time."""
        return self.parts.assembler.begin_to_finish(deadline, close_idle)

    def send(self, deadline: float) -> bool:
        """Sends this process's own calls, until this monotonic time. Returns whether all that was due was delivered."""
        return self.parts.courier.flush(deadline)

    def takes(self, external_id: str, attributes: Mapping[str, object]) -> bool:
        """Returns whether the app's `accepts` hook takes a conversation, if there is one."""
        return self.parts.acceptance.of(external_id, attributes) is Accepted.YES

    def knows(self, trace_id: int) -> bool:
        """Returns whether a span of this trace was taken, and more of the trace may come."""
        return self._life.capture.knows(trace_id)

    def stats(self) -> Stats:
        """Returns what has happened so far, in numbers."""
        self.be_of_this_process()
        parts, found = self.parts, self.parts.spool.counts()
        return parts.tally.snapshot(
            going_on=found.going_on,
            open_conversations=parts.assembler.open_conversations,
            spooled=found.sendable,
            awaiting_recording=found.awaiting_recording,
        )

    def failures(self, counter: str) -> dict[str | None, int]:
        """Returns a counter of `stats` by error type; under None what was counted without one."""
        return self.parts.tally.by_error_type(counter)

    def measure_spool(self) -> Measure:
        """Returns what waits in the spool as this process knows it, in numbers. Asks no disk."""
        self.be_of_this_process()
        return Measure.of(self.parts.spool.counts())

    @property
    def waiting_entries(self) -> int:
        """The number of entries in the inbox."""
        return len(self.parts.inbox)

    # Its life

    @property
    def parts(self) -> Parts:
        """The parts in this process."""
        return self._life.parts

    @property
    def is_used_here(self) -> bool:
        """Whether a span counted in this process, so that there may be something to save and to send."""
        return self._life.is_used and self._life.pid == os.getpid()

    def is_like(self, settings: Settings, dialects: Sequence[Dialect], hooks: Hooks) -> bool:
        """Returns whether a processor with these arguments would get the same engine."""
        return (settings, tuple(dialects), hooks) == (self.settings, self._plan.dialects, self._plan.hooks)

    def retire(self) -> None:
        """Lets the threads end when they have nothing to do, because no processor is left. Later spans wake them."""
        self.be_of_this_process()
        life = self._life
        life.is_retired, life.is_awake = True, False
        life.parts.acceptance.leave()
        life.parts.assembler.retire()
        life.parts.courier.retire()

    def discard(self) -> None:
        """Deletes every conversation and call of this engine, in memory and on disk, and ends its threads.

        Afterwards it is as new. A thread that is in the middle of a request ends after it.
        """
        self.be_of_this_process()
        parts, self._life = self.parts, self._begin()
        self._shorten()
        parts.acceptance.leave()
        parts.assembler.stop()
        if parts.spool.directory is not None:
            import shutil

            shutil.rmtree(parts.spool.directory, ignore_errors=True)
        parts.courier.discard()

    def be_of_this_process(self) -> None:
        """Rebuilds every part if this is a forked child: the parent keeps its conversations, the child starts without.

        A parent's threads, locks, queues and connections do not work in its child. The at-fork hook calls this, and so
        does each method that may be the first one in a child, because uWSGI forks without hooks. It takes no lock:
        one of the parent's may be held by a thread that the child does not have. A child sees the old parts or the new
        ones, never some of both: one attribute changes.
        """
        pid, me = os.getpid(), threading.get_ident()
        if self._life.pid == pid:
            return
        if self._builders.setdefault(pid, me) == me and self._life.pid != pid:
            life = self._begin(self.parts.capture.known_traces())
            self.parts.spool.leave_to_parent()
            if self._life.pid != pid:  # a signal handler may have made another one meanwhile
                self._life = life
            self._shorten()
            self._builders.clear()
        deadline = time.monotonic() + BUILD_SECONDS
        while self._life.pid != pid and time.monotonic() < deadline:
            time.sleep(0.001)  # another thread builds, at the child's first spans
