"""A worker as an app has one: `python worker.py process|thread FOLDER URL`. It answers its calls, and ends.

What really happened in each call is left in the folder as JSON. In `process`, each call has a job process of its own,
and all are answered at the same time; in `thread`, one after the other is answered on threads of this process.

The last call of `process` waits until the others have ended, because it is to be cut off when the worker closes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frameworks.livekit import offline

offline.stay()

from livekit.agents import AgentServer, JobContext, JobExecutorType, JobProcess  # noqa: E402 - offline from here on
from livekit.agents.telemetry import set_tracer_provider  # noqa: E402
from livekit.agents.voice.room_io import RoomOptions  # noqa: E402

from frameworks.livekit.program import (  # noqa: E402
    BY_METADATA,
    CUT_OFF,
    FIRST,
    HANGS_UP,
    HEARD,
    HEARD_ON_THREADS,
    PROCESSES,
    SECOND,
    SHUT_DOWN,
    THREADS,
)
from frameworks.livekit.rig import PATIENCE, Rig, until  # noqa: E402
from frameworks.livekit.room import Telephone  # noqa: E402
from frameworks.livekit.scenarios import GREETING  # noqa: E402
from frameworks.livekit.stage import traced  # noqa: E402
from roark_otel import call_attributes, instrument  # noqa: E402
from roark_otel.attributes import EXTERNAL_ID  # noqa: E402

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_ONLY_EVENTS = RoomOptions(
    audio_input=False, audio_output=False, video_input=False, text_input=False, text_output=False
)
MODE, FOLDER, URL = sys.argv[1], Path(sys.argv[2]), sys.argv[3]

providers: list[TracerProvider] = []
"""The provider of this process."""


def trace_calls(_process: JobProcess | None = None) -> None:
    """What an app calls in `setup_fnc`. Every process has a spool of its own: nobody else delivers its calls."""
    instrument("livekit")
    providers.append(traced(URL, FOLDER / "spool" / str(os.getpid())))


async def send_the_trace() -> None:
    """What an app does that exports its traces in batches: LiveKit does not wait for them."""
    await asyncio.to_thread(providers[0].force_flush)


def leave(name: str, found: dict[str, Any]) -> None:
    """Leaves something in the folder, complete or not at all."""
    path = FOLDER / f"{name}.json"
    path.with_suffix(".part").write_text(json.dumps(found), encoding="utf-8")
    path.with_suffix(".part").rename(path)


async def answer(ctx: JobContext) -> None:
    """One call; the room's name is its id."""
    external_id = ctx.job.room.name
    scenario = (PROCESSES | THREADS)[external_id]
    telephone = Telephone(ctx.room) if external_id == HANGS_UP else None
    room = {"room": ctx.room, "room_options": _ONLY_EVENTS} if telephone else {}
    rig = scenario.rig()

    def on_close(_event: object) -> None:
        truth = replace(rig.truth(), closed=time.time())
        leave(external_id, {**asdict(truth), "refused": offline.refused})
        if telephone:
            ctx.shutdown("the caller is gone")

    rig.session.on("close", on_close)
    if external_id == SHUT_DOWN:
        ctx.add_shutdown_callback(send_the_trace)
    if external_id == BY_METADATA:
        set_tracer_provider(providers[0], metadata={EXTERNAL_ID: external_id})
        await rig.start(scenario.agent())
    else:
        async with call_attributes(external_id=external_id):
            await rig.start(scenario.agent(), **room)
    if external_id == CUT_OFF:
        await be_cut_off(rig)
        return
    await scenario.play(rig)
    if telephone:
        telephone.hang_up()
    else:
        ctx.shutdown("all is said")


async def be_cut_off(rig: Rig) -> None:
    """Leaves the agent speaking when nobody else does any more."""
    await rig.heard(GREETING)
    await until((FOLDER / "others-ended.json").exists, "see the other calls end")
    await rig.customer.say("What can I return")
    await rig.speaking()
    leave("speaking", {})


def build() -> AgentServer:
    """The server of this mode, which nobody but this machine reaches."""
    server = AgentServer(
        setup_fnc=trace_calls if MODE == "process" else None,
        job_executor_type=JobExecutorType.PROCESS if MODE == "process" else JobExecutorType.THREAD,
        ws_url="ws://127.0.0.1:9",
        api_key="devkey",
        api_secret="secret" * 8,
        host="127.0.0.1",
        port=0,
        num_idle_processes=0,
        initialize_process_timeout=PATIENCE,  # a busy machine takes its time to start a process
    )
    server.rtc_session(answer)
    return server


async def work(server: AgentServer) -> None:
    """Answers the calls, and closes the worker."""
    started = asyncio.Event()
    server.once("worker_started", started.set)
    running = asyncio.create_task(server.run(devmode=True, unregistered=True))
    await started.wait()
    if MODE == "process":
        await server.simulate_job(CUT_OFF, fake_job=True)
        await answer_all(server, [HANGS_UP, SHUT_DOWN, BY_METADATA, HEARD], still_running=1)
        leave("others-ended", {})
        await until((FOLDER / "speaking.json").exists, "hear the agent begin")
        await asyncio.sleep(1.5)
    else:
        await answer_all(server, [FIRST])
        await answer_all(server, [SECOND])
        await answer_all(server, [HEARD_ON_THREADS])
    leave("worker", {"refused": offline.refused})
    await server.aclose()
    await asyncio.wait([running], timeout=10)


async def answer_all(server: AgentServer, calls: list[str], still_running: int = 0) -> None:
    """Answers calls, and waits until their jobs have ended."""
    for external_id in calls:
        await server.simulate_job(external_id, fake_job=True)
    for external_id in calls:
        await until((FOLDER / f"{external_id}.json").exists, f"see {external_id} end")
    await until(lambda: _running(server) == still_running, "see the jobs end")


def _running(server: AgentServer) -> int:
    return sum(process.running_job is not None for process in server._proc_pool.processes)


if __name__ == "__main__":
    if MODE == "thread":
        trace_calls()
    asyncio.run(work(build()))
