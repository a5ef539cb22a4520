"""A Roark that fails on purpose: some answers are 503, half of them after the call was stored, and it can be down."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.answering import Answer, AnsweringServer, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from support.answering import Seen


@dataclass(frozen=True, slots=True)
class Stored:
    """A call as it was stored first, and when, in seconds since the epoch."""

    body: dict[str, Any]
    at: float

    @property
    def said(self) -> tuple[str, ...]:
        return tuple(one["text"] for one in self.body.get("transcript", ()))

    @property
    def tools(self) -> int:
        return len(self.body.get("toolInvocations", ()))


class FaultyRoark:
    """Stores the first call of each id, and answers 409 to any other.

    Args:
        share: Which share of answers is a 503.
        seed: Chooses which.
    """

    def __init__(self, share: float = 0.0, seed: int = 5) -> None:
        self._share = share
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._server = AnsweringServer(then=self._reply)
        self.is_down = False
        self.hangs: Callable[[], object] | None = None
        self.calls: dict[str, Stored] = {}
        self.appended: dict[str, list[dict[str, Any]]] = {}
        self.statuses: Counter[int] = Counter()
        self.created: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return self._server.url

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *fault: object) -> None:
        self._server.__exit__(*fault)

    def _reply(self, seen: Seen) -> Answer | NoAnswer:
        if self.is_down:
            return NoAnswer()
        if self.hangs is not None:
            self.hangs()
        body = json.loads(seen.body)
        with self._lock:
            self._server.seen.clear()
            is_bad = self._chance.random() < self._share
            keeps = not is_bad or self._chance.random() < 0.5
            status, found = self._kept(seen.path, body) if keeps else (503, {})
            status = 503 if is_bad else status
            self.statuses[status] += 1
        return Answer(status, json.dumps({"data": found} if status == 201 else {"error": {}}).encode())

    def _kept(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, str]]:
        if path.endswith("/tool-invocations"):
            call_id = path.split("/")[-2]
            self.appended.setdefault(call_id, []).extend(body["toolInvocations"])
            return 201, {"callId": call_id}
        external_id = body["externalId"]
        if external_id in self.calls:
            return 409, {}
        self.calls[external_id] = Stored(body, time.time())
        self.created[external_id] += 1
        return 201, {"id": f"call-of-{external_id}"}
