"""The engine: inbox, assembler, spool and courier of one base URL and key in one process."""

from __future__ import annotations

import logging
import os
import time
import weakref
from dataclasses import replace
from hashlib import sha256
from multiprocessing import util as multiprocessing_util
from typing import TYPE_CHECKING

from roark_otel.assembler import Assembler, Places
from roark_otel.capture import OPEN_SPANS, Capture, read_open
from roark_otel.conversations import Conversations, Waits
from roark_otel.courier import Courier
from roark_otel.defaults import Defaults
from roark_otel.facts import snake_case
from roark_otel.guard import guarded, logger, say
from roark_otel.hiding import Hiding
from roark_otel.inbox import Inbox
from roark_otel.moments import Agent
from roark_otel.naming import hash_ids
from roark_otel.patterns import Patterns
from roark_otel.redaction import HookFailed, Redaction
from roark_otel.spool import Spool
from roark_otel.spoolfile import Stage
from roark_otel.stats import Stats, Tally
from roark_otel.version import __version__
from roark_otel.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from pydantic import SecretStr

    from roark_otel.client import Client
    from roark_otel.conversing import Readers
    from roark_otel.moments import Moment
    from roark_otel.records import SpanRecord
    from roark_otel.settings import Settings
    from roark_otel.types import Dialect, Reader, Redactor, Unreadable


class Engine:
    """Everything behind the processors of one base URL and key.

    Args:
        settings: How it works; with a key.
        api_key: The key.
        dialects: The dialects that are read, the highest first.
        recording_url: The recording of every call, where spans do not say.
        redact: The app's own word on what may be sent.
    """

    def __init__(
        self,
        settings: Settings,
        api_key: SecretStr,
        dialects: Sequence[Dialect],
        recording_url: str | None,
        redact: Redactor | None = None,
    ) -> None:
        self.settings = settings
        self.dialects = tuple(dialects)
        self._api_key = api_key
        allow = settings.properties_allow
        self._defaults = Defaults(
            interface_type=settings.interface_type,
            call_direction=settings.call_direction,
            agent=Agent(name=settings.agent_name, custom_id=settings.agent_custom_id),
            recording_url=recording_url,
            recording_template=settings.recording_url_template,
            with_content=settings.capture_content,
            sample_ratio=settings.call_sample_ratio,
            properties_allow=None if allow is None else frozenset(map(snake_case, allow)),
        )
        self.redact = redact
        hook = None if redact is None else guarded(HookFailed())(redact)
        self._redaction = Redaction(Patterns(settings.redact_patterns), hook)
        if settings.log_external_id == "hash":
            hash_ids()
        self._build()

    def _build(self) -> None:
        """Makes all parts anew: no thread, lock, queue or connection of a parent process works in its child."""
        settings = self.settings
        waits = Waits(
            settings.linger_seconds,
            settings.quiet_seconds,
            settings.idle_timeout_seconds,
            settings.max_conversations,
        )
        hiding = None if settings.capture_content else Hiding(os.urandom(32))
        vocabulary = Vocabulary(
            self.dialects,
            settings.external_id_keys,
            OPEN_SPANS if hiding is None else replace(OPEN_SPANS, record=_hiding_words(hiding)),
            auto_ids=settings.auto_external_id,
        )
        self._pid = os.getpid()
        self._is_used = False
        self._is_retired = False
        self._tally = Tally()
        self._inbox = Inbox()
        self._spool = Spool(settings.spool_dir / _subdirectory(settings, self._api_key))
        self._capture = Capture(vocabulary, self._inbox)
        self._courier = Courier(self._spool, self._make_client, self._tally)
        self._assembler = Assembler(
            Conversations(vocabulary, self._make_readers, waits, auto_ids=settings.auto_external_id),
            self._defaults,
            Places(self._inbox, self._spool, self._courier, self._tally, self._capture.forget),
            settings.idle_timeout_seconds,
            self._redaction,
            hiding,
        )

    # On the app's threads

    def on_start(self, span: Span, parent_context: Context | None) -> None:
        """A span began."""
        if self._capture.on_start(span, parent_context) and (
            not self._is_used or self._is_retired or self._pid != os.getpid()
        ):
            if self._pid != os.getpid():  # a fork that ran no hook: what was taken now is the parent's
                self._build()
                self._capture.on_start(span, parent_context)
            self._begin()

    def on_end(self, span: ReadableSpan) -> None:
        """A span ended."""
        if self._capture.on_end(span) and (not self._is_used or self._is_retired):
            self._begin()

    def _begin(self) -> None:
        """The first span that matters in this process."""
        self._assembler.start()
        if self._is_used:
            return
        self._is_used = True
        self._deliver_at_exit()
        logger.info(
            "roark_otel %s: base_url=%s spool=%s recording=%s content=%s",
            __version__,
            self.settings.base_url,
            self._spool.directory,
            self._recording_source(),
            "on" if self.settings.capture_content else "off",
        )

    def _deliver_at_exit(self) -> None:
        """Registers for the exit of this process, without keeping the engine alive.

        Runs where atexit does not, too: in the children of multiprocessing, which forget what their parent registered.
        """
        alive = weakref.ref(self)

        @guarded(None)
        def at_exit() -> None:
            if (left := alive()) is not None:
                left.flush(left.settings.exit_timeout_seconds, close_idle=0.0)

        multiprocessing_util.Finalize(None, at_exit, exitpriority=10)

    # For the app

    def start_with_backlog(self) -> None:
        """Delivers what earlier processes left in the spool."""
        self._courier.start_with_backlog()

    def flush(self, timeout: float, close_idle: float | None = None) -> bool:
        """Finishes and delivers what has ended, within so many seconds. Returns whether all of it was delivered."""
        deadline = time.monotonic() + timeout
        if self._pid != os.getpid() or not self._is_used:
            return True
        return self._assembler.ask(deadline, close_idle) and self._courier.flush(deadline)

    def stats(self) -> Stats:
        """What happened so far."""
        return self._tally.snapshot(
            open_conversations=self._assembler.open_conversations,
            spooled=len(self._spool.names([Stage.READY, Stage.TRIED])),
            awaiting_recording=len(self._spool.names([Stage.WAITING])),
        )

    def retire(self) -> None:
        """Nobody uses it any more: its threads end when there is nothing to do, and spans that still come wake them."""
        self._is_retired = True
        self._assembler.retire()
        self._courier.retire()

    def after_fork_in_child(self) -> None:
        """The parent keeps its conversations; the child begins with none."""
        self._build()

    # Making parts

    def _make_client(self) -> Client:
        # httpx takes a tenth of a second to import: on the courier's thread that delays nobody.
        from roark_otel.client import Client

        return Client(
            self.settings.base_url, self._api_key, self.settings.project_id, self.settings.http_timeout_seconds
        )

    def _make_readers(self) -> Readers:
        made = [(dialect.name, self._reader(dialect)) for dialect in self.dialects]
        return tuple((name, _GuardedReader(reader)) for name, reader in made if reader is not None)

    @guarded(None)
    def _reader(self, dialect: Dialect) -> Reader:
        return dialect.reader(self._unreadable)

    def _unreadable(self, found: Unreadable) -> None:
        self._tally.add("unreadable")
        span = found.span
        say(
            logging.WARNING,
            (found.attribute, found.why),
            "roark_otel: cannot read %s of span %s (%032x-%016x): %s",
            found.attribute,
            span.name,
            span.trace_id,
            max(0, span.span_id),
            found.why,
        )

    def _recording_source(self) -> str:
        if self._defaults.recording_url:
            return "argument"
        return "template" if self._defaults.recording_template else "spans"


class _GuardedReader:
    """A reader whose faults cost what it would have said and nothing else."""

    __slots__ = ("_reader",)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @guarded(None)
    def read(self, span: SpanRecord) -> None:
        self._reader.read(span)

    @guarded(())
    def moments(self) -> Iterable[Moment]:
        return tuple(self._reader.moments())


def _hiding_words(hiding: Hiding) -> Callable[[object], SpanRecord | None]:
    """Reads an open span as it is taken in where content is not captured: without a word of anybody."""

    def read(span: object) -> SpanRecord | None:
        record = read_open(span)
        return None if record is None else hiding.record(record)

    return read


def _subdirectory(settings: Settings, api_key: SecretStr) -> str:
    """The part of the spool that belongs to this Roark and project: a call must not go out with another's key."""
    whose = settings.project_id or sha256(api_key.get_secret_value().encode()).hexdigest()
    return sha256(f"{settings.base_url}\n{whose}".encode()).hexdigest()[:16]
