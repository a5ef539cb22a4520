"""README's own lines for Pipecat, run as they stand."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

from pipecat.pipeline import runner, task
from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner

_README = Path(__file__).parents[3] / "README.md"

assert issubclass(task.PipelineTask, PipelineWorker), "docs/pipecat.md has the names before 1.3, which are of these"
assert issubclass(runner.PipelineRunner, WorkerRunner)


class _Runner:
    async def add_workers(self, *workers: object) -> None:
        pass

    async def run(self) -> None:
        pass


def worker_options() -> dict[str, Any]:
    """What README gives a `PipelineWorker` besides its pipeline, of the call `call-123`."""
    blocks = re.findall(r"```python\n(.*?)```", _README.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "PipelineWorker(" in block]
    given: list[dict[str, Any]] = []
    known: dict[str, Any] = {
        "PipelineParams": lambda **params: params,
        "PipelineWorker": lambda _pipeline, **options: given.append(options),
        "WorkerRunner": _Runner,
    }
    # The app has its own provider, and knows the id of each call.
    code = re.sub(r"^(from pipecat|roark_otel\.configure).*\n", "", block, flags=re.MULTILINE)
    code = code.replace("{uuid.uuid4()}", "123")
    exec(compile(code, _README.name, "exec"), known)  # noqa: S102 - our own README
    with contextlib.suppress(StopIteration):  # of a coroutine that waits for nothing
        known["run"](None).send(None)
    (options,) = given
    return options
