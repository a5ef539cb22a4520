"""The engine: inbox, assembler, spool and courier of one base URL and key in one process."""

from __future__ import annotations

import logging
import os
import time
import weakref
from hashlib import sha256
from multiprocessing import util as multiprocessing_util
from typing import TYPE_CHECKING

from roark_otel.assembler import Assembler, Places, Rules
from roark_otel.capture import OPEN_SPANS, Capture
from roark_otel.conversations import Conversations, Waits
from roark_otel.courier import Courier
from roark_otel.defaults import Defaults
from roark_otel.guard import guarded, logger, say
from roark_otel.inbox import Inbox
from roark_otel.moments import Agent
from roark_otel.recordings import Policy
from roark_otel.rotation import Key
from roark_otel.spool import Spool
from roark_otel.spooladmin import siblings
from roark_otel.spoolfile import SENDABLE, Stage
from roark_otel.stats import Stats, Tally
from roark_otel.version import __version__
from roark_otel.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from pydantic import SecretStr

    from roark_otel.client import Client
    from roark_otel.conversation import Readers
    from roark_otel.moments import Moment
    from roark_otel.records import SpanRecord
    from roark_otel.settings import Settings
    from roark_otel.types import Dialect, Reader, ReceiptHook, RecordingResolver, Unreadable


class Engine:
    """Everything behind the processors of one base URL and key.

    Args:
        settings: How it works; with a key.
        api_key: The key.
        dialects: The dialects that are read, the highest first.
        recording_url: The recording of every call, where spans do not say, or what finds it.
        on_receipt: Told what became of each attempt to deliver a call.
    """

    def __init__(
        self,
        settings: Settings,
        api_key: SecretStr,
        dialects: Sequence[Dialect],
        recording_url: str | RecordingResolver | None,
        on_receipt: ReceiptHook | None = None,
    ) -> None:
        self.settings = settings
        self.dialects = tuple(dialects)
        self._key = Key(api_key, settings.api_key_file)
        self._resolver = None if isinstance(recording_url, str) else recording_url
        self._on_receipt = on_receipt
        self._defaults = Defaults(
            interface_type=settings.interface_type,
            call_direction=settings.call_direction,
            agent=Agent(name=settings.agent_name, custom_id=settings.agent_custom_id),
            recording_url=recording_url if isinstance(recording_url, str) else None,
            recording_template=None if self._resolver else settings.recording_url_template,
            with_content=settings.capture_content,
        )
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
        vocabulary = Vocabulary(self.dialects, settings.external_id_keys, OPEN_SPANS)
        self._pid = os.getpid()
        self._is_used = False
        self._is_retired = False
        self._tally = Tally()
        self._inbox = Inbox()
        on_disk = settings.spool == "disk"
        directory = settings.spool_dir / _subdirectory(settings, self._key.first) if on_disk else None
        self._spool = Spool(directory, settings.spool_max_bytes)
        self._capture = Capture(vocabulary, self._inbox)
        self._courier = Courier(
            self._spool,
            self._make_client,
            self._tally,
            Policy(
                settings.spool_dir if on_disk else None,
                settings.recording_wait_seconds,
                settings.recording_fallback_url,
                self._resolver,
            ),
            self._on_receipt,
            self._key.has_changed,
            settings.spool_max_age_seconds,
        )
        self._assembler = Assembler(
            Conversations(vocabulary, self._make_readers, waits, auto_ids=settings.auto_external_id),
            self._defaults,
            Places(self._inbox, self._spool, self._courier, self._tally, self._capture.forget),
            Rules(
                settings.idle_timeout_seconds,
                settings.recording_delay_seconds,
                settings.recording_wait_seconds,
                settings.max_conversations,
                has_recording_source=self._recording_source() != "spans" or settings.recording_fallback_url is not None,
            ),
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
            self._spool.place,
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
        """Delivers what earlier processes left in the spool, and tells of what it cannot deliver."""
        self._courier.start_with_backlog()
        self._warn_of_siblings()

    def _warn_of_siblings(self) -> None:
        if self._spool.directory is None:
            return
        for directory, count in siblings(self.settings.spool_dir, self._spool.directory).items():
            say(
                logging.WARNING,
                (str(directory),),
                "roark_otel: %d calls of another key, project or address wait in %s and are not delivered from here; "
                "`roark-otel spool adopt` takes them over",
                count,
                directory,
            )

    def attach(self, id_hash: str, url: str) -> bool:
        """A recording was attached to calls of this id. Returns whether one of them waits in memory here."""
        is_awaited = any(name.startswith(id_hash) for name in self._spool.names_in_memory(Stage.WAITING))
        self._courier.attach(id_hash, url)
        return is_awaited

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
            spooled=len(self._spool.names(SENDABLE)),
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

        key = self._key.current()
        return Client(self.settings.base_url, key, self.settings.project_id, self.settings.http_timeout_seconds)

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
        if self._resolver:
            return "resolver"
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


def _subdirectory(settings: Settings, api_key: SecretStr) -> str:
    """The part of the spool that belongs to this Roark and project: a call must not go out with another's key."""
    whose = settings.project_id or sha256(api_key.get_secret_value().encode()).hexdigest()
    return sha256(f"{settings.base_url}\n{whose}".encode()).hexdigest()[:16]
