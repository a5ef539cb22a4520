"""The parts of an engine, and how they are built: from one plan, once in each process."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from roark_otel._capture.capture import Capture
from roark_otel._capture.inbox import Inbox
from roark_otel._delivery.courier import Courier
from roark_otel._delivery.misconfigured import Unaddressed
from roark_otel._delivery.recordings import RecordingPolicy
from roark_otel._engine.acceptance import Acceptance
from roark_otel._engine.assembler import Assembler
from roark_otel._engine.notices import warn_of_unreadable
from roark_otel._engine.pace import Pace
from roark_otel._engine.passes import Passes
from roark_otel._engine.redactor import RedactorThread
from roark_otel._engine.saver import NoSaver, Saver
from roark_otel._model.dialect import Words
from roark_otel._model.stats import Tally
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open.groups import Groups
from roark_otel._open.rows_in import RowsIn
from roark_otel._open.schedule import Waits
from roark_otel._privacy.masking import Masking
from roark_otel._privacy.redaction import Redaction
from roark_otel._safety.late_imports import importing
from roark_otel._safety.threads import beside_hub
from roark_otel._spool.spool import Spool
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from pathlib import Path

    from pydantic import SecretStr

    from roark_otel._assembly.assemble import Rules
    from roark_otel._delivery.client import Client
    from roark_otel._engine.calls import Calls
    from roark_otel._engine.plan import Plan
    from roark_otel._model.dialect import Dialect, Unreadable
    from roark_otel._safety.hook_thread import HookThread
    from roark_otel._settings.settings import Settings


MAX_UNREADABLE: Final = 4_096
"""The most values that are remembered as unreadable, so that each is counted once."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an engine in one process, wired to each other. `redactor` is None if the app has no such hook."""

    tally: Tally
    inbox: Inbox
    spool: Spool
    capture: Capture
    courier: Courier
    assembler: Assembler
    redactor: RedactorThread | None
    acceptance: Acceptance

    @property
    def hook_threads(self) -> list[HookThread]:
        """The threads of the app's hooks that calls wait for."""
        several = [] if self.redactor is None else [self.redactor.thread]
        return [*several, self.acceptance.thread] if self.acceptance.is_choosy else several

    def start(self) -> bool:
        """Starts the threads. Returns whether the assembler's runs: the courier's is then looked after by it.

        All start at once, not each when it is needed: that may be at the exit, when Python 3.12 starts none.
        """
        if not self.assembler.is_retired:
            self.acceptance.join()
            for thread in self.hook_threads:
                thread.start()
            self.courier.start()
        return self.assembler.start()


def build(plan: Plan, make_client: Callable[[], Client], parents_traces: Container[int] = ()) -> Parts:
    """Builds all parts. No thread starts and no file is written before there is something to do.

    Args:
        plan: What they are built from.
        make_client: Makes the client, on the courier's thread.
        parents_traces: In a forked child, the traces of the conversations that its parent has begun.
    """
    settings, tally, inbox = plan.settings, Tally(), Inbox()
    masking = None if settings.capture_content else _masking(plan.dialects)
    vocabulary = Vocabulary(
        plan.dialects,
        settings.external_id_keys,
        auto_ids=settings.auto_external_id,
        id_from_baggage=settings.id_from_baggage,
    )
    directory = spool_directory(settings, plan.key.first) if settings.spool == "disk" else None
    spool = Spool(directory, settings.spool_max_bytes)
    capture = Capture(vocabulary, inbox, parents_traces)
    courier = _courier(plan, make_client, spool, tally)
    redactor = None if plan.hooks.redact is None else RedactorThread(plan.hooks.redact, tally)
    acceptance = Acceptance(plan.hooks.accepts)
    redaction = Redaction(plan.patterns, None if redactor is None else redactor.ask)
    rows_in = RowsIn(vocabulary, None if masking is None else masking.attribute, warn_of_unreadable)
    groups = Groups(vocabulary, rows_in, _waits(settings), capture.branches.activity)
    pace = Pace()
    passes = Passes(
        groups,
        capture.open_rows,
        partial(make_rules, plan, redaction, vocabulary, tally, pace),
        partial(make_calls, plan, redaction, spool, courier, tally, pace),
        spool,
        tally,
        acceptance,
        pace.pause,
    )
    saver: Saver | NoSaver = NoSaver()
    if spool.open_calls is not None:
        beat = spool.open_calls.beat
        saver = Saver(groups, capture.open_rows, passes.save, beat, pace.pause, lambda: inbox.is_rung)
    threads: list[HookThread] = []
    assembler = Assembler(inbox, groups, capture, passes, saver, tally, pace, lambda: _rest(threads))
    assembler.worker.look_after(courier.worker)
    parts = Parts(tally, inbox, spool, capture, courier, assembler, redactor, acceptance)
    threads += parts.hook_threads
    return parts


def _rest(threads: Iterable[HookThread]) -> None:
    for thread in threads:
        thread.rest()


def spool_directory(settings: Settings, api_key: SecretStr) -> Path:
    """Returns the part of the spool for this Roark and project: a call must not go out with the key of another.

    Settings without a usable address have a part of their own.
    """
    return _directory(settings, api_key, settings.address)


def directory_without_address(settings: Settings, api_key: SecretStr) -> Path:
    """Returns where calls of the same key and project wait that had no usable address. They go to any that has one."""
    return _directory(settings, api_key, "")


def _directory(settings: Settings, api_key: SecretStr, address: str) -> Path:
    whose = settings.project_id or sha256(api_key.get_secret_value().encode()).hexdigest()
    return settings.spool_dir / sha256(f"{address}\n{whose}".encode()).hexdigest()[:16]


def make_client(plan: Plan) -> Client:
    """Makes the client that talks to Roark. The first time it imports httpx, which takes a quarter of a second.

    Raises:
        Misconfigured: if there is no usable address, or the environment allows no connection to it.
    """
    if not plan.settings.address:
        raise Unaddressed
    return beside_hub(_make_client, plan)


def _make_client(plan: Plan) -> Client:
    with importing():
        from roark_otel._delivery.client import Client

        "".encode("idna")  # imports what the first look-up of a host name would
        settings, key = plan.settings, plan.key.current()
        return Client(settings.address, key, settings.project_id, settings.http_timeout_seconds)


def _courier(plan: Plan, make_client: Callable[[], Client], spool: Spool, tally: Tally) -> Courier:
    settings, unaddressed = plan.settings, None
    if spool.directory is not None and settings.address:
        unaddressed = directory_without_address(settings, plan.key.first)
    recordings = RecordingPolicy(
        None if spool.directory is None else settings.spool_dir,
        settings.recording_wait_seconds,
        settings.recording_fallback_url,
        plan.resolver,
        plan.later_recording(),
        settings.recording_delay_seconds,
    )
    return Courier(
        spool,
        make_client,
        tally,
        recordings,
        plan.hooks.on_receipt,
        plan.key.has_changed,
        settings.spool_max_age_seconds,
        settings.quiet_seconds,
        settings.address,
        unaddressed,
    )


def _waits(settings: Settings) -> Waits:
    return Waits(
        settings.linger_seconds, settings.quiet_seconds, settings.idle_timeout_seconds, settings.max_conversations
    )


def make_rules(plan: Plan, redaction: Redaction, vocabulary: Vocabulary, tally: Tally, pace: Pace) -> Rules:
    """Makes the rules by which calls are assembled, and imports what reads conversations."""
    from roark_otel._assembly.assemble import Rules
    from roark_otel._assembly.missing_words import warn_of_each_kind
    from roark_otel._assembly.routes import Routes

    _import_models_and_readers(plan)
    counted: OrderedDict[tuple[object, ...], None] = OrderedDict()

    def warn(found: Unreadable) -> None:
        # A conversation may be read several times.
        key = found.span.trace_id, found.span.span_id, found.attribute
        if key not in counted:
            tally.add("unreadable")
        counted[key] = None
        if len(counted) > MAX_UNREADABLE:
            counted.popitem(last=False)
        warn_of_unreadable(found)

    return Rules(
        vocabulary=vocabulary,
        routes=Routes(plan.dialects),
        defaults=plan.defaults,
        redaction=redaction,
        auto_ids=plan.settings.auto_external_id,
        warn=warn,
        count_fault=partial(tally.add, "unreadable"),
        pause=pace.pause,
        report_missing=warn_of_each_kind(),
        with_attributes=plan.hooks.accepts is not None,
    )


def _import_models_and_readers(plan: Plan) -> None:
    """Imports what a pass would import on its way. An app's own reader is made only to read."""
    for dialect in plan.dialects:
        if dialect in DIALECTS:
            dialect.reader(warn_of_unreadable)
    if plan.hooks.redact is not None:
        # The hook is given a model.
        from roark_otel._model import call  # noqa: F401  # pyright: ignore[reportUnusedImport]


def make_calls(plan: Plan, redaction: Redaction, spool: Spool, courier: Courier, tally: Tally, pace: Pace) -> Calls:
    """Makes what puts calls into the spool."""
    from roark_otel._engine.calls import CallRules, Calls

    settings = plan.settings
    rules = CallRules(
        settings.idle_timeout_seconds,
        settings.recording_delay_seconds,
        settings.recording_wait_seconds,
        settings.max_conversations,
        has_recording_source=plan.recording_source != "spans" or settings.recording_fallback_url is not None,
        has_resolver=plan.resolver is not None,
    )
    return Calls(spool, courier, tally, plan.defaults, redaction, rules, pace.pause)


def _masking(dialects: Iterable[Dialect]) -> Masking:
    """Masks what these dialects and the built-in ones know to be content, with a new key."""
    return Masking(os.urandom(32), Words.joined(dialect.words for dialect in (*DIALECTS, *dialects)))
