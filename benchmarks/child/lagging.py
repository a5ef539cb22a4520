"""How late an event loop is while fifty conversations go on in it."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import count
from typing import TYPE_CHECKING

from processors import make, provider_with
from shapes import EXTERNAL_ID, SHAPES, add, begin, below
from talks import asked

if TYPE_CHECKING:
    from desk import Desk
    from opentelemetry.sdk.trace import TracerProvider

TICK_SECONDS = 0.002
WINDOW_SECONDS = 0.5
WARM_UP_SECONDS = 0.3
TURNS = 10
SPANS_PER_TURN = 5
BIG_SPANS, EVENTS_PER_SPAN = 100, 50
"""A call of 5,000 entries, said in few spans: making it costs the loop little."""

PLAIN = SHAPES["plain"]
_numbers = count()


def lag(desk: Desk, seconds: float, conversations: int, big_calls: bool) -> dict[str, object]:
    """Runs a loop for some seconds, with calls of 5,000 entries that end in each half-second if wanted.

    Returns:
        p99 and p99.9 of the lag in ms, of the whole and of each half-second, and what the process's CPU was busy in %.
    """
    settings = {"recording_url_template": "https://recordings.example.com/{external_id}.wav"}
    provider = desk.once("posting", lambda: provider_with(make(desk.contestant, desk.port, desk.directory, **settings)))
    lags, busy = asyncio.run(_run(provider, seconds, conversations, big_calls))
    return summary(lags, seconds, busy)


def summary(lags: list[tuple[float, float]], seconds: float, busy: float) -> dict[str, object]:
    """Returns p99 and p99.9 of the lags in ms, of all and of each half-second, and what the CPU was busy in %.

    Args:
        lags: When a tick was due, in seconds from the start, and how many ms it was late.
        seconds: How long was measured.
        busy: The CPU seconds of the process in this time.
    """
    windows: dict[int, list[float]] = {}
    for at, late in lags:
        windows.setdefault(int(at / WINDOW_SECONDS), []).append(late)
    whole = sorted(late for _, late in lags)
    full = [sorted(windows[number]) for number in range(int(seconds / WINDOW_SECONDS)) if number in windows]
    return {
        "p99": _at(whole, 0.99),
        "p99.9": _at(whole, 0.999),
        "windows": [{"p99": _at(one, 0.99), "p99.9": _at(one, 0.999)} for one in full],
        "busy": busy / seconds * 100,
    }


async def _run(
    provider: TracerProvider, seconds: float, conversations: int, big_calls: bool
) -> tuple[list[tuple[float, float]], float]:
    lags: list[tuple[float, float]] = []
    tasks = [asyncio.create_task(_conversation(provider, number)) for number in range(conversations)]
    if big_calls:
        tasks.append(asyncio.create_task(_big_calls(provider)))
    await asyncio.sleep(WARM_UP_SECONDS)
    process = time.process_time()
    await tick(lags, seconds)
    process = time.process_time() - process
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return lags, process


async def tick(lags: list[tuple[float, float]], seconds: float) -> None:
    """Adds how late each tick of a loop is, for some seconds: see `summary`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    due = began + TICK_SECONDS
    while due < began + seconds:
        await asyncio.sleep(due - loop.time())
        now = loop.time()
        lags.append((now - began, (now - due) * 1e3))
        due = max(due + TICK_SECONDS, now)


async def _conversation(provider: TracerProvider, number: int) -> None:
    """One conversation after the other: five spans every 0.1 seconds, and an end after fifty."""
    chance = random.Random(number)  # noqa: S311 - spreads the work
    tracer = provider.get_tracer(PLAIN.scope)
    await asyncio.sleep(chance.random() * 0.1)
    while True:
        root = begin(provider, PLAIN)
        try:
            for _ in range(chance.randint(1, TURNS)):
                for child in range(SPANS_PER_TURN):
                    add(tracer, below(root), PLAIN, child)
                await asyncio.sleep(0.08 + chance.random() * 0.04)
        finally:
            root.end()


async def _big_calls(provider: TracerProvider) -> None:
    """Ends a call of 5,000 entries in each half-second."""
    tracer = provider.get_tracer(PLAIN.scope)
    while True:
        began = time.perf_counter()
        root = tracer.start_span("call", attributes={EXTERNAL_ID: f"benchmark-big-{next(_numbers)}"})
        try:
            for number in range(BIG_SPANS):
                span = tracer.start_span("turns", below(root))
                for event in range(EVENTS_PER_SPAN):
                    role = "agent" if event % 2 else "customer"
                    span.add_event("roark.transcript", {"role": role, "text": asked(number * EVENTS_PER_SPAN + event)})
                span.end()
                await asyncio.sleep(0.3 / BIG_SPANS)
        finally:
            root.end()
        await asyncio.sleep(max(0.0, began + WINDOW_SECONDS - time.perf_counter()))


def _at(in_order: list[float], share: float) -> float:
    return in_order[min(len(in_order) - 1, int(len(in_order) * share))]
