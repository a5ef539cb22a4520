"""Many conversations that go on in an event loop: what saving them costs, and how old the oldest unsaved word is."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lagging import summary, tick
from opentelemetry.context import Context
from processors import make, provider_with
from shapes import EXTERNAL_ID, UTTERANCE, below

if TYPE_CHECKING:
    from desk import Desk
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

BATCH_SECONDS = 0.002
SAMPLE_SECONDS = 0.5
SAID = 10
"""How many utterances each conversation has when it begins."""

SAVES = ("now",)
"""The contestants that save what goes on."""


class Saving:
    """Counts from now on, in this process, how often the saver looks at a conversation, and the CPU of its thread."""

    def __init__(self) -> None:
        self.looks = 0
        self.seconds = 0.0
        from roark_otel._engine.saver import Saver

        run, look = Saver.run, Saver._look_in_turn  # noqa: SLF001 - it counts neither itself

        def timed(saver: Saver, now: float) -> None:
            began = time.thread_time()
            run(saver, now)
            self.seconds += time.thread_time() - began

        def counted(saver: Saver, number: int, now: float) -> None:
            self.looks += 1
            look(saver, number, now)

        Saver.run = timed
        Saver._look_in_turn = counted  # noqa: SLF001


class Meter:
    """Reads twice a second how old the oldest word is that may not be saved, and at the end what saving has cost."""

    def __init__(self, processor: object, saving: Saving) -> None:
        self._assembler = processor._engine.parts.assembler  # noqa: SLF001 - the metric reads it there
        self._saving = saving
        self._ages: list[float] = []
        self._before = saving.looks, saving.seconds, _written()

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            self._ages.append(self._assembler.unsaved_seconds)
            await asyncio.sleep(SAMPLE_SECONDS)

    def read(self, seconds: float) -> dict[str, object]:
        """Returns the ages in seconds; and by the second the looks, the saver's CPU, and the bytes of the process."""
        after = self._saving.looks, self._saving.seconds, _written()
        looks, spent, written = (new - old for new, old in zip(after, self._before, strict=True))
        return {"ages": self._ages, "looks": looks / seconds, "share": spent / seconds, "bytes": written / seconds}


def go_on(desk: Desk, conversations: int, rate: float, settle: float, seconds: float) -> dict[str, object]:
    """Has this many conversations open, which speak in turn, `rate` utterances a second in all.

    Args:
        desk: What this child has.
        conversations: How many are open, with those of earlier tasks.
        rate: How many utterances there are a second.
        settle: How many seconds that goes on before it is measured.
        seconds: How long it is measured.

    Returns:
        What `lag` returns, and where open conversations are saved also what `Meter.read` does.
    """
    saving = desk.once("saving", Saving) if desk.contestant in SAVES else None
    processor = desk.once("many", lambda: make(desk.contestant, desk.port, desk.directory, max_conversations=20_000))
    provider = desk.once("provider of many", lambda: provider_with(processor))
    roots: list[Span] = desk.once("open", list)
    while len(roots) < conversations:
        roots.append(_begun(provider, len(roots)))
        if len(roots) % 500 == 0:
            provider.force_flush()  # closes no conversation whose root is open

    async def run() -> dict[str, object]:
        speaker = asyncio.create_task(_speak(provider.get_tracer("an-app"), roots, rate))
        await asyncio.sleep(settle)
        lags: list[tuple[float, float]] = []
        meter = None if saving is None else Meter(processor, saving)
        tasks = [speaker, *([] if meter is None else [asyncio.create_task(meter.run())])]
        busy = time.process_time()
        await tick(lags, seconds)
        found = summary(lags, seconds, time.process_time() - busy)
        saved = {} if meter is None else meter.read(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {**found, **saved}

    return asyncio.run(run())


def _begun(provider: TracerProvider, number: int) -> Span:
    root = provider.get_tracer("an-app").start_span("call", Context(), attributes={EXTERNAL_ID: f"open-{number}"})
    for _ in range(SAID):
        root.add_event("roark.transcript", UTTERANCE)
    return root


async def _speak(tracer: Tracer, roots: list[Span], rate: float) -> None:
    """Has the conversations say something in turn, each time with a span of its own."""
    began, made = time.perf_counter(), 0
    while True:
        due = (time.perf_counter() - began) * rate
        while made < due:
            span = tracer.start_span("turn", below(roots[made % len(roots)]))
            span.add_event("roark.transcript", UTTERANCE)
            span.end()
            made += 1
        await asyncio.sleep(BATCH_SECONDS)


def _written() -> int:
    """Returns how many bytes this process has written so far, to whatever it was."""
    return int(Path("/proc/self/io").read_text().split("wchar:")[1].split()[0])
