"""A Roark that creates each external id once and fails at random, over real sockets, for many processes."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from typing import Any

from support.answering import Answer, AnsweringServer, NoAnswer, Seen, created


class FlakyRoark(AnsweringServer):
    """Remembers the calls that it created.

    Args:
        faults: The share of attempts that fail; half of them after the call was created.
        seed: The seed of the random failures.
    """

    def __init__(self, faults: float = 0.0, seed: int = 7) -> None:
        super().__init__(then=self._reply)
        self.faults = faults
        self.is_out = False
        self.bodies: dict[str, dict[str, Any]] = {}
        self.counts: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - reproducible
        self._guard = threading.Lock()

    def _reply(self, seen: Seen) -> Answer | NoAnswer:
        with self._guard:
            self.seen.clear()  # a long run makes many requests
            if self.is_out:
                self.counts["out"] += 1
                return NoAnswer()
            return self._decide(json.loads(seen.body))

    def _decide(self, body: dict[str, Any]) -> Answer | NoAnswer:
        external_id = body["externalId"]
        fails, creates_first, is_silent = (self._random.random() for _ in range(3))
        is_fault = fails < self.faults
        fault: Answer | NoAnswer = NoAnswer() if is_silent < 0.5 else Answer(500)
        if is_fault and creates_first < 0.5:
            self.counts["failed before"] += 1
            return fault
        if external_id in self.bodies:
            self.counts["409"] += 1
            return Answer(409)
        self.bodies[external_id] = body
        self.counts["created"] += 1
        if is_fault:
            self.counts["failed after"] += 1
            return fault
        return created(f"id of {external_id}")


def wait_for(condition: Any, seconds: float, every: float = 0.02) -> bool:
    """Waits for what other processes do, checking every `every` seconds. Returns whether it happened in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
