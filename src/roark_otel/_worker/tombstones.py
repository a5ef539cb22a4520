"""What is remembered of a call that Roark has, or will never get. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from struct import Struct
from typing import TYPE_CHECKING, Final

from roark_otel._open.group import Made

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel._assembly.outcomes import Ready

_LENGTH: Final = Struct(">cI")
_SPAN: Final = 8


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A call that is done with.

    Args:
        call_id: Roark's id for it; None if that is not known, or it was not sent.
        trace_id: The trace of its root.
        root_span_id: Its root, 0 for none.
        file_span_id: What distinguishes it from another conversation of its id.
        started_ns: Its start, in ns since the epoch.
        is_framework: Whether its root is a voice framework's.
        spans: The ids of its spans: a replay brings them again.
    """

    call_id: str | None
    trace_id: int
    root_span_id: int
    file_span_id: int
    started_ns: int
    is_framework: bool
    spans: frozenset[int]

    @classmethod
    def of(cls, ready: Ready, spans: Iterable[int]) -> Tombstone:
        """Makes it of a conversation, and of all its spans if `ready` does not name them."""
        one = ready.conversation
        return cls(
            None,
            one.trace_id,
            one.root_span_id,
            one.file_span_id,
            one.started_ns,
            ready.is_framework,
            frozenset(spans) if ready.spans is None else ready.spans,
        )

    def delivered(self, call_id: str | None) -> Tombstone:
        """Returns it with Roark's id."""
        return replace(self, call_id=call_id)

    def with_spans(self, spans: Iterable[int]) -> Tombstone:
        """Returns it with further spans, which came late."""
        return replace(self, spans=self.spans.union(spans))

    def made(self, external_id: str) -> Made:
        """Returns what the engine's passes remember of a call."""
        return Made(
            external_id, self.trace_id, self.root_span_id, self.file_span_id, self.started_ns, self.is_framework
        )

    def to_bytes(self) -> bytes:
        """Returns it as it is written."""
        fields = {name: value for name, value in asdict(self).items() if name != "spans"}
        head = json.dumps(fields).encode()
        spans = b"".join(span.to_bytes(_SPAN, "big") for span in sorted(self.spans))
        return _LENGTH.pack(b"D", len(head)) + head + spans

    @classmethod
    def from_bytes(cls, written: bytes) -> Tombstone:
        """Reads it."""
        end = _LENGTH.size + int(_LENGTH.unpack_from(written)[1])
        spans = (int.from_bytes(written[at : at + _SPAN], "big") for at in range(end, len(written), _SPAN))
        return cls(**json.loads(written[_LENGTH.size : end]), spans=frozenset(spans))


UNKNOWN_CALL: Final = Tombstone(None, 0, 0, 0, 0, False, frozenset())
"""Stands for a call of which nothing was made."""
