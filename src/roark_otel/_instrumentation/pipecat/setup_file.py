"""What Pipecat loads by the path in `PIPECAT_SETUP_FILES`, which child processes inherit.

A child may have another environment, with another version of this package or none, or may not have been asked to
listen: then the hooks do nothing, and import nothing.
"""

from __future__ import annotations

import sys


async def setup_pipeline_worker(worker: object) -> None:
    """Attaches an observer to a worker before its pipeline starts, if this process listens."""
    asked = sys.modules.get("roark_otel._instrumentation.pipecat")
    if asked is not None and asked.is_listening():
        from roark_otel._instrumentation.pipecat.attaching import attach

        attach(worker)


setup_pipeline_task = setup_pipeline_worker
"""The name of the hook before Pipecat 1.4."""


async def setup_worker_runner(runner: object) -> None:
    """Does nothing. Pipecat warns of a file that lacks it."""
