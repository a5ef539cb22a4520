"""README's own lines for Pipecat, run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_README = Path(__file__).parents[3] / "README.md"


def worker_options() -> dict[str, Any]:
    """What README gives a `PipelineWorker` besides its pipeline; its `params` are those of `PipelineParams`."""
    blocks = re.findall(r"```python\n(.*?)```", _README.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "PipelineWorker(" in block]
    known: dict[str, Any] = {
        "pipeline": None,
        "PipelineParams": lambda **params: params,
        "PipelineWorker": lambda _pipeline, **options: options,
    }
    exec(compile(block, _README.name, "exec"), known)  # noqa: S102 - our own README
    options: dict[str, Any] = known["worker"]
    return options
