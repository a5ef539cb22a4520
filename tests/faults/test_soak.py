"""Runs many conversations in one process, a tenth of which never end: nothing stays behind."""

from __future__ import annotations

import gc
import logging
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context

from roark_otel import RoarkSpanProcessor
from roark_otel._engine import process
from roark_otel._open.kept_logs import MAX_KEPT_BYTES
from roark_otel._safety import guard
from support.helpers import ID, Threads, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Tracer

CHILDREN = 3
BATCH = 250
MAX_MORE_OBJECTS = 3_000
"""The most objects by which the soak may exceed its first batches; a leak is at least one per conversation."""

MAX_MORE_BYTES = 30_000_000
"""The most memory by which the process may grow: freed memory is never returned to the system in whole."""


@pytest.fixture(name="spool")
def _spool(tmp_path: Path) -> Iterator[Path]:
    """Makes a directory in memory where the system has one: the time to sync a disk does not matter here."""
    memory = Path("/dev/shm")  # noqa: S108 - the test makes its own folder in it
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as directory:
        yield Path(directory)


def hold(tracer: Tracer, number: int) -> object:
    """Holds a conversation. Every tenth never ends; the app keeps every twentieth open until its batch is over."""
    root = tracer.start_span("call", attributes={ID: f"call-{number}", "app.number": number})
    below = set_span_in_context(root)
    for _ in range(CHILDREN):
        tracer.start_span("turn", below, attributes={"gen_ai.request.model": "m"}).end()
    root.add_event("roark.transcript", {"role": "customer", "text": f"Conversation {number}."})
    if number % 10:
        root.end()
        return None
    tracer.start_span("never ends", below)
    return root if number % 20 else None


def batch(tracer: Tracer, processor: RoarkSpanProcessor, first: int) -> None:
    """Holds conversations and waits until none is open: the app drops the spans that never end."""
    held = [hold(tracer, number) for number in range(first, first + BATCH)]
    wait_until(lambda: processor.stats().open_conversations <= sum(one is not None for one in held), 120)
    held.clear()
    wait_until(lambda: processor.stats().open_conversations == 0, 120)


@dataclass(frozen=True, slots=True)
class Held:
    """The resources of a quiet process: objects that refer to others, file descriptors, threads, bytes."""

    objects: int
    descriptors: int
    threads: int
    bytes: int


def measure(processor: RoarkSpanProcessor) -> Held:
    """Measures this process once it is quiet."""
    engine = processor._engine
    assert engine is not None
    wait_until(lambda: not engine.parts.capture.branches.homes, 120)
    gc.collect()
    proc = Path("/proc/self")
    descriptors = len(list((proc / "fd").iterdir())) if proc.exists() else 0
    pages = int((proc / "statm").read_text(encoding="ascii").split()[1]) if proc.exists() else 0
    return Held(len(gc.get_objects()), descriptors, threading.active_count(), pages * os.sysconf("SC_PAGE_SIZE"))


@pytest.mark.parametrize(
    "conversations", [2_000, pytest.param(100_000, marks=pytest.mark.long)], ids=["scaled down", "full"]
)
def test_soak_of_conversations(conversations: int, spool: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Memory, descriptors, threads and the engine's tables return to where they were."""
    caplog.set_level(logging.CRITICAL, logger="roark_otel")  # pytest keeps each line of the log
    # Calls wait for a recording that never arrives, and are deleted: nothing is sent, so that only our memory counts.
    processor = RoarkSpanProcessor(
        api_key="key",
        base_url="http://127.0.0.1:9",
        spool_dir=spool,
        linger_seconds=0,
        quiet_seconds=0,
        max_conversations=BATCH + 100,
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("app")
    for first in range(0, 3 * BATCH, BATCH):
        batch(tracer, processor, first)
        _empty(spool)
    before = measure(processor)
    for first in range(3 * BATCH, conversations, BATCH):
        batch(tracer, processor, first)
        _empty(spool)
    after = measure(processor)
    stats = processor.stats()
    print(f"{conversations} conversations: {before} before, {after} after; {stats}")  # noqa: T201
    assert stats.finished == conversations
    assert after.objects - before.objects < MAX_MORE_OBJECTS
    assert after.bytes - before.bytes < MAX_MORE_BYTES + _kept_bytes(processor)
    assert after.threads == before.threads
    assert after.descriptors <= before.descriptors + 1  # the lock of open calls, if one was saved meanwhile
    _assert_bounded(processor)


def _kept_bytes(processor: RoarkSpanProcessor) -> int:
    """The logs of calls that wait, to be read again with what comes late: at most 32 MiB."""
    engine = processor._engine
    assert engine is not None
    kept = engine.parts.assembler._groups.kept.size
    assert kept <= MAX_KEPT_BYTES
    return kept


def _empty(spool: Path) -> None:
    for path in spool.rglob("*.waiting.jsonl"):
        path.unlink()


def _assert_bounded(processor: RoarkSpanProcessor) -> None:
    engine = processor._engine
    assert engine is not None
    groups, branches = engine.parts.assembler._groups, engine.parts.capture.branches
    assert len(groups.schedule._traces) == len(groups.schedule.open) == len(groups.places._by_id) == 0
    assert len(groups.places._shown) == len(groups.places._in_trace) == len(groups.places._waiting) == 0
    branches.open.sweep()
    assert len(branches.homes) == len(branches.open._left) == len(branches._first) == 0
    assert len(groups.schedule._due) <= BATCH
    assert len(groups._taken) <= 1_024
    assert len(guard._last_logged) <= guard.MAX_REMEMBERED


@pytest.mark.parametrize("engines", [20, pytest.param(1_000, marks=pytest.mark.long)], ids=["scaled down", "full"])
def test_soak_of_engines(engines: int, tmp_path: Path) -> None:
    """Processors that are shut down leave no hook, thread or descriptor, however many there were."""

    def one(number: int) -> None:
        processor = RoarkSpanProcessor(
            api_key="key", base_url=f"http://127.0.0.1:9/{number}", spool_dir=tmp_path, linger_seconds=0
        )
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        provider.get_tracer("app").start_span("call", attributes={ID: "call-1"}).end()
        provider.shutdown()

    from multiprocessing import util

    threads = Threads()
    one(0)
    wait_until(lambda: _is_quiet(threads), 60)
    finalizers = len(util._finalizer_registry)  # type: ignore[attr-defined]
    descriptors = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208
    for number in range(1, engines):
        one(number)
    wait_until(lambda: _is_quiet(threads), 60)
    assert len(util._finalizer_registry) <= finalizers  # type: ignore[attr-defined]
    assert (len(os.listdir("/proc/self/fd")) if descriptors else 0) <= descriptors  # noqa: PTH208


def _is_quiet(threads: Threads) -> bool:
    gc.collect()
    ours = [engine for engine in process.living() if engine.settings.base_url.startswith("http://127.0.0.1:9/")]
    return not ours and not threads.names()
