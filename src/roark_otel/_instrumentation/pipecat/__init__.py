"""Listens to a pipeline of Pipecat, through an observer that the framework's own hook attaches to each worker.

    setup_file       what Pipecat loads: it is given each worker before its pipeline starts
    attaching        an observer for the worker, and what the worker knows of its conversation
    ears             frames in, each heard once and at the time when it was pushed
    frames           what each says: `agent_frames`, `customer_frames`; `kinds` says which frame is which
    agent, customer  what was said, put together: `voices` and `audio` have the times, `joining` the texts
    entries          what was entered by keypad or keyboard
    tools, ending    what was used, and who hung up
    call             where all of it is written
    speakers         which of several workers is the one that speaks

Nothing here imports Pipecat but for the class of observers: frames and processors are known by the names of their
classes, of which some versions have fewer.
"""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import ModuleType

MODULE: Final = "pipecat"
"""The module after whose import the framework can be listened to."""

SETUP_FILES: Final = "PIPECAT_SETUP_FILES"
"""The variable in which Pipecat looks for its hooks, each time that a worker is set up."""


class _Listening:
    """Whether this process was asked to listen. A child process inherits the variable, but was not asked."""

    since_asked = False


def listen(module: ModuleType) -> None:  # noqa: ARG001 - the hook is found by a variable
    """Listens from now on to every worker of this process."""
    _Listening.since_asked = True
    files, ours = [one for one in os.environ.get(SETUP_FILES, "").split(os.pathsep) if one], _setup_file()
    if ours not in files:
        os.environ[SETUP_FILES] = os.pathsep.join([*files, ours])


@cache
def _setup_file() -> str:
    """Returns the path of `setup_file`. Where the package is in a zip file, it is a copy that this process deletes."""
    from importlib import resources

    kept = ExitStack()
    atexit.register(kept.close)
    path = kept.enter_context(resources.as_file(resources.files(__name__).joinpath("setup_file.py")))
    return str(path)


def is_listening() -> bool:
    """Returns whether this process listens."""
    return _Listening.since_asked
