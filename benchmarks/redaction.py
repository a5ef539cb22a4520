"""Measures how late an event loop is where tools return 10 MB, with redaction and without it.

    python benchmarks/redaction.py [--json] [--quick]

Both have a process of their own, and take turns. The figure is the difference within a round.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from contestants import CONTESTANTS, NOW
from report import Figure, Table, figure, main

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

ROUNDS = 5
SECONDS = 6.0
TICK_SECONDS = 0.002
HUGE = 10_000_000
LIMIT = 20.0
"""The most ms by which the loop may be later at p99.9."""

RESULTS = {
    "of digits": "4111 1111 1111 1111 " * (HUGE // 20),
    "of words": "Where is my order, please? " * (HUGE // 27),
    "of one word": "x" * (HUGE - 12) + "@example.com",
}
EVERYTHING = ["card", "phone", "email"]


def measure(quick: bool) -> Table:
    """Returns how much later the loop is with redaction, for each kind of result."""
    figures: list[Figure] = []
    for kind in RESULTS:
        late = [_late(kind) for _ in range(2 if quick else ROUNDS)]
        differences = [redacted - plain for redacted, plain in late]
        figures.append(figure(f"p99.9, 10 MB {kind}", NOW, "ms", differences).at_most(LIMIT, ""))
        figures.append(figure(f"p99.9, 10 MB {kind}, without", NOW, "ms", [plain for _, plain in late]))
    return Table("An event loop's lag with redaction, over without", figures)


def _late(kind: str) -> tuple[float, float]:
    redacted, plain = (_child(kind, what) for what in ("redacted", "plain"))
    return redacted, plain


def _child(kind: str, what: str) -> float:
    python = CONTESTANTS[NOW].python
    command = [str(python) if python.exists() else sys.executable, __file__, "--child", kind, what]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)  # noqa: S603 - our own file
    return json.loads(done.stdout.splitlines()[-1])


def child(kind: str, what: str) -> float:
    """Runs a loop in which a tool returns 10 MB twice in a second. Returns the lag in ms at p99.9."""
    from opentelemetry.sdk.trace import TracerProvider

    from roark_otel import RoarkSpanProcessor

    provider = TracerProvider(shutdown_on_exit=False)
    patterns = EVERYTHING if what == "redacted" else []
    provider.add_span_processor(
        RoarkSpanProcessor(
            api_key="benchmark",
            base_url="http://127.0.0.1:9",
            spool="memory",
            linger_seconds=0.2,
            redact_patterns=patterns,
        )
    )
    lags = asyncio.run(_run(provider.get_tracer("app"), RESULTS[kind]))
    return sorted(lags)[int(len(lags) * 0.999)]


async def _run(tracer: Tracer, result: str) -> list[float]:
    loop = asyncio.get_running_loop()
    talking = asyncio.create_task(_talk(tracer, result))
    await asyncio.sleep(1.0)
    lags: list[float] = []
    began = loop.time()
    due = began + TICK_SECONDS
    while due < began + SECONDS:
        await asyncio.sleep(due - loop.time())
        now = loop.time()
        lags.append((now - due) * 1e3)
        due = max(due + TICK_SECONDS, now)
    talking.cancel()
    with suppress(asyncio.CancelledError):
        await talking
    return lags


async def _talk(tracer: Tracer, result: str) -> None:
    """Holds conversations of four turns, each with a tool that returns much."""
    number = 0
    while True:
        number += 1
        attributes = {"roark.external_id": f"benchmark-{number}", "roark.conversation.root": True}
        with tracer.start_as_current_span("call", attributes=attributes) as root:
            for turn in range(4):
                root.add_event("roark.transcript", {"role": "customer", "text": "My number is 4111 1111 1111 1111."})
                fields = {"name": "look_up", "parameters": "{}", "result": f"{turn}{result}"}
                root.add_event("roark.tool_invocation", fields)
                await asyncio.sleep(0.5)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(child(*sys.argv[2:4])), flush=True)
        sys.stdout.flush()
        import os

        os._exit(0)
    main(measure)
