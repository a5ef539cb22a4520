"""The life of an engine in one process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roark_otel._engine.parts import Parts


class Life:
    """An engine in one process: its parts, and how far it has come. A forked child gets another one.

    `capture` is that of `parts`, one look-up nearer to the spans.
    """

    __slots__ = ("capture", "is_awake", "is_retired", "is_used", "parts", "pid")

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.capture = parts.capture
        self.is_used = self.is_retired = self.is_awake = False
        self.pid = os.getpid()
