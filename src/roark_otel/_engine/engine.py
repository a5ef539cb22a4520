"""The engine: inbox, assembler, spool and courier of one base URL and key in one process."""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from roark_otel._capture.capture import Capture, Took
from roark_otel._capture.inbox import Inbox
from roark_otel._capture.sdk_spans import OPEN_SPANS, read_open
from roark_otel._conversation.machine import Conversations, Waits
from roark_otel._delivery.courier import Courier
from roark_otel._delivery.recordings import Policy
from roark_otel._engine.assembler import Assembler, Places, Rules
from roark_otel._engine.framework_versions import installed_versions
from roark_otel._model.dialect import Words, separated
from roark_otel._model.stats import Stats, Tally
from roark_otel._model.version import __version__
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._privacy.masking import Masking
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import HookFailed, Redaction
from roark_otel._safety.guard import guarded, log_once, logger
from roark_otel._safety.late_imports import importing
from roark_otel._safety.log_ids import hash_ids
from roark_otel._settings.key_rotation import Key
from roark_otel._spool.admin import Measure, measure, siblings
from roark_otel._spool.file import SENDABLE, Stage
from roark_otel._spool.spool import Spool
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence
    from pathlib import Path

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from pydantic import SecretStr

    from roark_otel._conversation.conversation import Readers
    from roark_otel._delivery.client import Client
    from roark_otel._model.dialect import Dialect, Reader, Unreadable
    from roark_otel._model.hooks import Hooks
    from roark_otel._model.moments import Moment
    from roark_otel._model.spans import SpanRecord
    from roark_otel._settings.settings import Settings

_TO_SAVE = 0.2
"""So much of the time at exit is kept for saving; the rest is for sending."""


class Engine:
    """Everything behind the processors of one base URL and key.

    Args:
        settings: How it works; with a key.
        api_key: The key.
        dialects: The dialects that are read, the highest first.
        hooks: What the app is asked.
        on_first_span: Told of the first span that matters in each process.
    """

    def __init__(
        self,
        settings: Settings,
        api_key: SecretStr,
        dialects: Sequence[Dialect],
        hooks: Hooks,
        on_first_span: Callable[[Engine], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.dialects = tuple(dialects)
        self._separated = separated(dialects)
        self.hooks = hooks
        self.users = 0
        self._key = Key(api_key, settings.api_key_file)
        self._resolver = None if isinstance(hooks.recording_url, str) else hooks.recording_url
        self._on_first_span = on_first_span
        self._builders: dict[int, int] = {}
        told = settings.defaults(hooks.recording_url if isinstance(hooks.recording_url, str) else None)
        template = None if self._resolver else told.recording_template
        self._defaults = replace(told, recording_template=template, version_of=installed_versions(self.dialects))
        redact = None if hooks.redact is None else guarded(HookFailed())(hooks.redact)
        self._redaction = Redaction(Patterns(settings.redact_patterns), redact)
        if settings.log_external_id == "hash":
            hash_ids()
        self._build(parents_traces=())

    def _build(self, parents_traces: Container[int]) -> None:
        """Makes all parts anew: no thread, lock, queue or connection of a parent process works in its child."""
        settings = self.settings
        waits = Waits(
            settings.linger_seconds,
            settings.quiet_seconds,
            settings.idle_timeout_seconds,
            settings.max_conversations,
        )
        masking = None if settings.capture_content else _masking(self.dialects)
        vocabulary = Vocabulary(
            self.dialects,
            settings.external_id_keys,
            OPEN_SPANS if masking is None else replace(OPEN_SPANS, record=_masked(masking)),
            auto_ids=settings.auto_external_id,
        )
        self._is_used = self._is_retired = self._is_awake = False
        self._tally = Tally()
        self._inbox = Inbox()
        on_disk = settings.spool == "disk"
        directory = spool_directory(settings, self._key.first) if on_disk else None
        self._spool = Spool(directory, settings.spool_max_bytes)
        self._capture = Capture(vocabulary, self._inbox, parents_traces)
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
            self.hooks.on_receipt,
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
            self._redaction,
            masking,
        )
        self._pid = os.getpid()

    # On the app's threads

    def on_start(self, span: Span, parent_context: Context | None) -> None:
        """A span began."""
        took = self._capture.on_start(span, parent_context)
        if took and (not self._is_awake or took is Took.FORKED):
            if took is Took.FORKED:
                self.be_of_this_process()
                self._capture.on_start(span, parent_context)
            self._wake()

    def on_end(self, span: ReadableSpan) -> None:
        """A span ended."""
        took = self._capture.on_end(span)
        if took and (not self._is_awake or took is Took.FORKED):
            if took is Took.FORKED:
                self.be_of_this_process()
                if not self._capture.on_end(span):
                    return
            self._wake()

    def _wake(self) -> None:
        """The first span that matters in this process, or one after the last processor was shut down."""
        self._assembler.start()
        if self._is_used:
            return
        self._is_used, self._is_awake = True, not self._is_retired
        self._on_first_span(self)
        logger.info(
            "roark_otel %s: base_url=%s spool=%s recording=%s content=%s traces=%s",
            __version__,
            self.settings.base_url,
            self._spool.place,
            self._recording_source(),
            "on" if self.settings.capture_content else "off",
            "on" if self.settings.export_traces else "off",
        )

    # For the app

    def start_with_backlog(self) -> None:
        """Delivers what earlier processes left in the spool, and tells of what it cannot deliver."""
        self.be_of_this_process()
        self._courier.start_with_backlog()
        self._warn_of_siblings()

    def _warn_of_siblings(self) -> None:
        if self._spool.directory is None:
            return
        for directory, count in siblings(self.settings.spool_dir, self._spool.directory).items():
            log_once(
                logging.WARNING,
                (str(directory),),
                "%d calls of another key, project or address wait in %s and are not delivered from here; "
                "`roark-otel spool adopt` takes them over",
                count,
                directory,
            )

    def attach(self, id_hash: str, url: str) -> bool:
        """A recording was attached to calls of this id. Returns whether one of them waits in memory here."""
        is_awaited = any(name.startswith(id_hash) for name in self._spool.names_in_memory(Stage.WAITING))
        self._courier.attach(id_hash, url)
        return is_awaited

    def drain(self, timeout: float) -> bool:
        """Delivers what anybody left in the spool, within so many seconds. Returns whether all that was due is gone."""
        self.be_of_this_process()
        return self._courier.flush(time.monotonic() + timeout, everybodys=True)

    def flush(self, timeout: float) -> bool:
        """Finishes and delivers what has ended, within so many seconds. Returns whether all of it was delivered."""
        self.be_of_this_process()
        return not self._is_used or self._flush(time.monotonic() + timeout, None)

    def shut_down(self, linger: float) -> None:
        """Flushes, and closes as incomplete the conversations in which nothing has happened for so many seconds.

        It waits so long for those in which something has, if there is time: whatever goes on then is left alone.
        """
        self.be_of_this_process()
        if not self._is_used:
            return
        deadline = time.monotonic() + self.settings.exit_timeout_seconds
        self._flush(deadline, linger)
        if self._assembler.open_conversations and time.monotonic() + linger < deadline:
            time.sleep(linger)
            self._flush(deadline, linger)

    def save_at_exit(self, began: float, close_idle: float | None) -> None:
        """Puts what is finished into the spool at the exit of the process, which began at this monotonic time.

        Args:
            began: Several exit hooks, and several engines, have `exit_timeout_seconds` together.
            close_idle: None to finish what has ended; 0 also to close, as incomplete, what has not.
        """
        if self._is_used and self._pid == os.getpid():
            timeout = self.settings.exit_timeout_seconds
            self._assembler.ask(max(began + timeout, time.monotonic() + timeout * _TO_SAVE), close_idle)

    def send_at_exit(self, began: float) -> None:
        """Sends this process's own calls. A Roark that does not answer leaves later hooks the time to save."""
        if self._is_used and self._pid == os.getpid():
            self._courier.flush(began + self.settings.exit_timeout_seconds * (1 - _TO_SAVE))

    def _flush(self, deadline: float, close_idle: float | None) -> bool:
        # Everything that is finished goes to disk before anything is sent.
        return self._assembler.ask(deadline, close_idle) and self._courier.flush(deadline)

    def tell_what_is_left(self) -> None:
        """Says at exit what Roark does not have yet."""
        if self._pid != os.getpid() or not self._is_used:
            return
        to_send = len(self._spool.names(SENDABLE))
        unrecorded = len(self._spool.names([Stage.WAITING]))
        if to_send or unrecorded:
            logger.error(
                "the process ends and leaves calls in %s: %d that Roark has not taken yet, %d without a "
                "recording URL. The next process with this spool, or `roark-otel spool drain`, delivers them; a "
                "directory that dies with the pod loses them.",
                self._spool.place,
                to_send,
                unrecorded,
            )

    def stats(self) -> Stats:
        """What happened so far."""
        self.be_of_this_process()
        return self._tally.snapshot(
            open_conversations=self._assembler.open_conversations,
            spooled=len(self._spool.names(SENDABLE)),
            awaiting_recording=len(self._spool.names([Stage.WAITING])),
        )

    def failures(self, counter: str) -> dict[str | None, int]:
        """A counter of `stats` by error type; under None what was counted without one."""
        return self._tally.by_error_type(counter)

    def measure_spool(self) -> Measure:
        """What waits in the spool, in numbers."""
        self.be_of_this_process()
        return Measure() if self._spool.directory is None else measure(self._spool.directory)

    @property
    def waiting_entries(self) -> int:
        """How many entries wait in the inbox."""
        return len(self._inbox)

    def retire(self) -> None:
        """Nobody uses it any more: its threads end when there is nothing to do, and spans that still come wake them."""
        self.be_of_this_process()
        self._is_retired, self._is_awake = True, False
        self._assembler.retire()
        self._courier.retire()

    def be_of_this_process(self) -> None:
        """Builds everything anew if this is a forked child: the parent keeps its conversations, the child has none.

        The at-fork hook calls it, and whoever finds the process to be another one, because uWSGI forks without hooks.
        No lock: a lock of the parent's may be held by a thread that the child does not have.
        """
        pid, me = os.getpid(), threading.get_ident()
        if self._pid == pid:
            return
        if self._builders.setdefault(pid, me) == me and self._pid != pid:
            self._build(self._capture.known_traces())
            self._builders.clear()
        deadline = time.monotonic() + 1.0
        while self._pid != pid and time.monotonic() < deadline:
            time.sleep(0.001)  # another thread builds, at the child's first spans

    # Making parts

    def _make_client(self) -> Client:
        # httpx takes a quarter of a second to import: on the courier's thread that delays nobody.
        with importing():
            from roark_otel._delivery.client import Client

            "".encode("idna")  # imports what the first look-up of a host name would
            key = self._key.current()
            return Client(self.settings.base_url, key, self.settings.project_id, self.settings.http_timeout_seconds)

    def _make_readers(self) -> Readers:
        made = [(dialect.name, self._reader(dialect)) for dialect in self._separated]
        return tuple((name, _GuardedReader(reader)) for name, reader in made if reader is not None)

    @guarded(None)
    def _reader(self, dialect: Dialect) -> Reader:
        return dialect.reader(self._unreadable)

    def _unreadable(self, found: Unreadable) -> None:
        self._tally.add("unreadable")
        span = found.span
        log_once(
            logging.WARNING,
            (found.attribute, found.why),
            "cannot read %s of span %s (%032x-%016x): %s",
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


def _masking(dialects: Iterable[Dialect]) -> Masking:
    """Masks what these dialects and the built-in ones know to be content, with a new key."""
    return Masking(os.urandom(32), Words.joined(dialect.words for dialect in (*DIALECTS, *dialects)))


def _masked(masking: Masking) -> Callable[[object], SpanRecord | None]:
    """Returns a function that reads an open span with its content masked."""

    def read(span: object) -> SpanRecord | None:
        record = read_open(span)
        return None if record is None else masking.record(record)

    return read


def spool_directory(settings: Settings, api_key: SecretStr) -> Path:
    """The part of the spool that belongs to this Roark and project: a call must not go out with another's key."""
    whose = settings.project_id or sha256(api_key.get_secret_value().encode()).hexdigest()
    return settings.spool_dir / sha256(f"{settings.base_url}\n{whose}".encode()).hexdigest()[:16]
