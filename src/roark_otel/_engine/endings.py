"""How the process will end, and whether the calling thread may wait."""

from __future__ import annotations

import multiprocessing
import sys
from typing import Any, Final

CHILD_SECONDS: Final = 0.2
"""How long the end of a conversation may wait where the process will end by `os._exit`, unless it is configured."""

FIRST_SECONDS: Final = 2.0
"""How long the first one may wait there, which also waits for imports."""


def wait_seconds(*, is_async: bool, is_prepared: bool) -> float:
    """Returns how long the end of a conversation may wait unless it is configured.

    Args:
        is_async: Whether an event loop goes on meanwhile: then it waits in every process.
        is_prepared: Whether everything is imported.
    """
    if not is_async and not ends_abruptly():
        return 0.0
    return CHILD_SECONDS if is_prepared else FIRST_SECONDS


def ends_abruptly() -> bool:
    """Returns whether this process ends by `os._exit`: a child of multiprocessing or billiard, a work horse of rq."""
    if multiprocessing.parent_process() is not None:
        return True
    billiard: Any = sys.modules.get("billiard.process")
    if billiard is not None and billiard.current_process()._parent_pid is not None:  # noqa: SLF001 - no public name
        return True
    rq: Any = sys.modules.get("rq.job")
    if rq is None:
        return False
    current = getattr(rq, "_current_job", None)  # the public function asks Redis up to rq 2
    return (rq._job_stack.top if current is None else current.get()) is not None  # noqa: SLF001 - as above


def is_on_event_loop() -> bool:
    """Returns whether an event loop runs on this thread: it must not wait."""
    events: Any = sys.modules.get("asyncio")
    return events is not None and events._get_running_loop() is not None  # noqa: SLF001 - documented, and raises nothing
