"""What killed processes left of conversations that go on here: each is joined to every version of its call."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from roark_otel._engine.notices import UNREADABLE_PART
from roark_otel._linking.joined_parts import joined_body, leaves_out
from roark_otel._linking.wire_json import to_json
from roark_otel._safety.guard import log_once
from roark_otel._safety.log_ids import log_id
from roark_otel._spool.joining import TIMED, joined, shifted, started_ms
from roark_otel._spool.names import CallName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._engine.written import Written
    from roark_otel._linking.defaults import Defaults
    from roark_otel._model.steps import Pause
    from roark_otel._privacy.redaction import Redaction
    from roark_otel._spool.open_calls import OpenCalls

MAX_PARTS: Final = 256
"""The most conversations of which an earlier part is kept in memory. It is on disk too, in the call saved last."""

MAX_BEGINNINGS: Final = 10_000
"""The most calls of which is known when their first part began. It is kept for what comes after they were made."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A body, and when it began, in milliseconds since the epoch."""

    body: bytes
    began_ms: int


class Parts:
    """The earlier parts of conversations, by the hash of their ids.

    Args:
        open_calls: Where killed processes left them; None in memory.
    """

    def __init__(self, open_calls: OpenCalls | None) -> None:
        self._open_calls = open_calls
        self._parts: OrderedDict[str, _Part] = OrderedDict()
        self._began_ms: OrderedDict[str, int] = OrderedDict()

    def joined(self, name: str, body: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Returns a call with what came before it, and the names of the files that may be dropped once it is saved."""
        if self._open_calls is None:
            return body, ()
        key = CallName.parse(name).id_hash
        part, names = self._open_calls.part_of(key, name)
        known = self._parts.get(key)
        if part:
            whole = part if known is None else joined([known.body, part])
            known = self._parts[key] = _Part(whole, round(started_ms(json.loads(whole))))
            if len(self._parts) > MAX_PARTS:
                self._parts.popitem(last=False)
        if known is None:
            return body, names
        self._began_ms[name] = known.began_ms
        if len(self._began_ms) > MAX_BEGINNINGS:
            self._began_ms.popitem(last=False)
        return joined([known.body, body]), names

    def in_its_time(self, name: str, late: dict[str, Any], started_ns: int) -> dict[str, Any]:
        """Returns late fields of a call, which began at this time here, with offsets from its first part's start."""
        shift_ms = started_ns // 1_000_000 - self._began_ms.get(name, started_ns // 1_000_000)
        if shift_ms <= 0:
            return late
        return late | {field: shifted(late[field], shift_ms) for field in TIMED if field in late}

    def forget(self, name: str) -> None:
        """Lets go of what came before a call."""
        self._parts.pop(CallName.parse(name).id_hash, None)

    def drop(self, names: Iterable[str]) -> None:
        """Removes files whose content is in a call that was saved."""
        for name in names:
            if self._open_calls is not None:
                self._open_calls.drop(name)


def sendable(call: Written, whole: bytes, defaults: Defaults, redaction: Redaction, pause: Pause) -> bytes | None:
    """Returns what may be sent of a call with what came before it; None if the whole call must not be sent.

    A process that had other settings, or no hook, may have left that.
    """
    if not leaves_out(defaults, redaction):
        return whole
    try:
        kept = joined_body(json.loads(whole), defaults, redaction, pause)
    except ValueError as fault:  # the hook cannot be given what came before
        external_id = log_id(call.header.external_id)
        log_once(logging.WARNING, (call.name,), UNREADABLE_PART, external_id, type(fault).__name__)
        return call.body
    return None if kept is None else to_json(kept, pause)
