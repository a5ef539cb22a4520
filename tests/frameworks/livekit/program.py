"""Which calls are played in this process, and which are answered by workers."""

from dataclasses import replace

from frameworks.livekit import scenarios
from frameworks.livekit.realtime_calls import CALLS, RealtimeCall
from frameworks.livekit.scenarios import Scenario

README = "from-readme"
"""This call gets its id as README says."""

TASKS: list[dict[str, Scenario]] = [
    {"three-turns": scenarios.THREE_TURNS},
    {README: scenarios.THREE_TURNS},
    {"tool": scenarios.TOOL},
    {"parallel-tools": scenarios.PARALLEL_TOOLS},
    {"bad-tools": scenarios.BAD_TOOLS},
    {"handoff": scenarios.HANDOFF},
    {"interruption": scenarios.INTERRUPTION},
    {"model-error": scenarios.MODEL_ERROR},
    {"model-error-once": scenarios.MODEL_ERROR_ONCE},
    {"typed": scenarios.TYPED},
    {"one": scenarios.FIRST_OF_TWO},
    {"other": scenarios.SECOND_OF_TWO},
    {"one-before": scenarios.FIRST_OF_TWO, "other-after": scenarios.SECOND_OF_TWO},
]
"""The calls of a task are played one after the other, all tasks at the same time."""

IDS = [external_id for task in TASKS for external_id in task]

HANGS_UP, SHUT_DOWN, BY_METADATA, CUT_OFF = "caller-hangs-up", "job-shuts-down", "id-by-metadata", "worker-closes"
FIRST, SECOND = "first-on-threads", "second-on-threads"
HEARD, HEARD_ON_THREADS = "heard-in-a-process", "heard-on-threads"
PROCESSES: dict[str, Scenario | RealtimeCall] = {
    HANGS_UP: scenarios.FIRST_OF_TWO,
    SHUT_DOWN: scenarios.TOOL,
    BY_METADATA: scenarios.SECOND_OF_TWO,
    HEARD: CALLS["talk"],
    CUT_OFF: replace(scenarios.INTERRUPTION, pace=0.1),  # so slowly that the agent still speaks when the worker closes
}
"""The calls of a worker that answers each in a process of its own."""

THREADS: dict[str, Scenario | RealtimeCall] = {
    FIRST: scenarios.FIRST_OF_TWO,
    SECOND: scenarios.SECOND_OF_TWO,
    HEARD_ON_THREADS: CALLS["talk-client"],
}
"""The calls of a worker that answers them on its own threads."""
