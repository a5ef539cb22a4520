"""Which of several workers speaks or acts: each has a model, and one of them the line to the customer.

Pipecat passes frames from worker to worker. An observer in each notes which began in its own, by the frame's id, and
the observer of the worker that has the line asks for it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_MOST: Final = 1_000

_began: OrderedDict[int, str] = OrderedDict()
"""The names of workers, by the ids of frames, which are different in the whole process."""


def began(frame_id: int, worker: str) -> None:
    """Notes that a frame began in a worker."""
    _began[frame_id] = worker
    if len(_began) > _MOST:
        _began.popitem(last=False)


def of(frame_id: int) -> str | None:
    """Returns the worker in which a frame began, None if that is the one that has the line."""
    return _began.get(frame_id)
