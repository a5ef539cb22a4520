"""A backlog: calls that wait in a spool, and what it takes to deliver them."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from shapes import EXTERNAL_ID
from talks import answered, asked

if TYPE_CHECKING:
    from desk import Desk

    from roark_otel import RoarkSpanProcessor

ENTRIES, TOOLS = 200, 30
PATIENCE_SECONDS = 60
LOOK_SECONDS = 0.005
"""How often one looks how many are delivered: at 1,000 calls a second some of the hundreds are counted late."""


def fill(desk: Desk, spool: str, calls: int) -> dict[str, int]:
    """Makes calls while the port answers to none, so that they wait in this spool. Returns how many."""
    from processors import roark

    settings = {"recording_url_template": "https://recordings.example.com/{external_id}.wav", "spool_dir": spool}
    processor = roark(desk.port, desk.directory, **settings)
    provider = TracerProvider(shutdown_on_exit=False, span_limits=SpanLimits(max_events=ENTRIES + TOOLS))
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("an-app")
    for number in range(calls):
        root = tracer.start_span("call", Context(), attributes={EXTERNAL_ID: f"benchmark-{number}"})
        for entry in range(ENTRIES):
            role, text = ("agent", answered(entry)) if entry % 2 else ("customer", asked(entry))
            root.add_event("roark.transcript", {"role": role, "text": text})
        for use in range(TOOLS):
            words = {"name": "look_up", "id": f"use-{use}", "parameters": '{"city": "Zürich"}'}
            root.add_event("roark.tool_invocation", {**words, "result": '{"degrees": 21}'})
        root.end()
        time.sleep(0.002)  # no faster than they are written
    patience = time.monotonic() + PATIENCE_SECONDS
    while processor.stats().finished < calls and time.monotonic() < patience:
        time.sleep(0.1)
    return {"calls": processor.stats().finished}


def backlog(desk: Desk, spool: str, calls: int) -> dict[str, float]:
    """Delivers the calls of a spool. A hook that is called with each receipt would be measured with it.

    Returns:
        Calls a second and CPU ms a call, of those between the first tenth and the last.
    """
    from processors import roark

    processor = roark(desk.port, desk.directory, spool_dir=spool)
    patience = time.monotonic() + PATIENCE_SECONDS
    first, began, cpu_before = _delivered(processor, calls // 10, patience)
    last, ended, cpu_after = _delivered(processor, calls - calls // 10, patience)
    return {"rate": (last - first) / (ended - began), "ms": (cpu_after - cpu_before) / (last - first) * 1e3}


def _delivered(processor: RoarkSpanProcessor, least: int, patience: float) -> tuple[int, float, float]:
    """Waits until at least so many calls are delivered. Returns how many, the time, and the CPU time."""
    while (number := processor.stats().delivered) < least:
        if time.monotonic() > patience:
            raise RuntimeError(f"{number} calls were delivered: {processor.stats()}")
        time.sleep(LOOK_SECONDS)
    return number, time.perf_counter(), time.process_time()


def official(desk: Desk, calls: int) -> dict[str, float]:
    """Creates calls with Roark's own SDK. Returns calls a second and CPU ms a call."""
    from roark_analytics import Roark

    roark = Roark(base_url=f"http://127.0.0.1:{desk.port}", bearer_token="benchmark")  # noqa: S106 - no key of anyone
    taken = []
    began = time.perf_counter()
    for number in range(calls):
        call = _call(number)
        before = time.process_time_ns()
        roark.call.create(**call)
        taken.append((time.process_time_ns() - before) / 1e6)
    return {"rate": calls / (time.perf_counter() - began), "ms": statistics.median(taken)}


def _call(number: int) -> dict[str, object]:
    began = "2026-01-01T12:00:00Z"
    roles = ("CUSTOMER", "AGENT")
    transcript = [
        {
            "role": roles[entry % 2],
            "text": answered(entry) if entry % 2 else asked(entry),
            "start_offset_ms": entry * 1_000,
            "end_offset_ms": entry * 1_000 + 900,
        }
        for entry in range(ENTRIES)
    ]
    tools = [
        {"name": "look_up", "parameters": {"city": "Zürich"}, "result": {"degrees": 21}, "start_offset_ms": use * 1_000}
        for use in range(TOOLS)
    ]
    return {
        "agent": {"name": "an-agent"},
        "customer": {},
        "call_direction": "INBOUND",
        "interface_type": "PHONE",
        "recording_url": f"https://recordings.example.com/{number}.wav",
        "started_at": began,
        "external_id": f"benchmark-{number}",
        "transcript": transcript,
        "tool_invocations": tools,
    }
