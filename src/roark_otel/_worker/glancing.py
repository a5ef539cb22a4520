"""What a message of the source shows of each trace in it: whose it is, and whether a root has ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from roark_otel._sources.otlp.peek import peek
from roark_otel._worker.records import RootEnded
from roark_otel.attributes import CONVERSATION_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._model.vocabulary import Vocabulary

_TRACE_KEY: Final = re.compile(rb"[0-9a-f]{32}")
_PROTOBUF: Final = 0x0A
"""The first byte of every protobuf request that has spans."""


@dataclass(slots=True)
class TraceShown:
    """What a message shows of one trace.

    Attributes:
        ids: The external ids on its spans, else the one of its resource, in order.
        ended: The ids of which a root has ended surely.
        perhaps: The ids of which a span has ended that may be the root.
        has_nameless_root: Whether a framework's or a marked root without an id of its own has ended.
    """

    ids: list[str] = field(default_factory=list["str"])
    ended: set[str] = field(default_factory=set["str"])
    perhaps: set[str] = field(default_factory=set["str"])
    has_nameless_root: bool = False

    def ended_of(self, external_id: str, known: list[str]) -> RootEnded:
        """Returns what it says of the end of one conversation, in a trace that has shown these ids."""
        if external_id in self.ended or (self.has_nameless_root and known == [external_id]):
            return RootEnded.SURELY
        return RootEnded.PERHAPS if external_id in self.perhaps or self.has_nameless_root else RootEnded.NOTHING


NOTHING_SHOWN: Final = TraceShown()


def glances(vocabulary: Vocabulary) -> Callable[[bytes, bytes | None], dict[str, TraceShown]]:
    """Returns a function that looks at a message: its value and its key, to what it shows by trace id in hex.

    Where none of the names that are looked for stands in a protobuf message whose key is a trace's id, as the Collector
    writes it, the message is not read at all. It raises `UnreadableRequest`.
    """
    names = {*vocabulary.id_keys, *vocabulary.root_names, CONVERSATION_ROOT}
    looked_for = re.compile(b"|".join(re.escape(name.encode("utf-8", "replace")) for name in sorted(names)))

    def look(request: bytes, key: bytes | None) -> dict[str, TraceShown]:
        is_keyed = key is not None and len(key) == 32 and _TRACE_KEY.fullmatch(key) is not None
        if is_keyed and key is not None and request[0] == _PROTOBUF and looked_for.search(request) is None:
            return {key.decode(): NOTHING_SHOWN}
        return _look(request, vocabulary)

    return look


def _look(request: bytes, vocabulary: Vocabulary) -> dict[str, TraceShown]:
    peeked = peek(request, vocabulary)
    found = {trace_id: TraceShown() for trace_id in peeked.traces}
    for span in peeked.shown:
        shown = found[span.trace_id]
        if span.external_id is None:
            shown.has_nameless_root = True
            continue
        if span.external_id not in shown.ids:
            shown.ids.append(span.external_id)
        if span.strength is not None:
            shown.ended.add(span.external_id)
        else:
            shown.perhaps.add(span.external_id)
    for trace_id, external_id in peeked.resource_ids.items():
        shown = found[trace_id]
        if not shown.ids:
            shown.ids.append(external_id)
            shown.perhaps.add(external_id)
    return {f"{trace_id:032x}": shown for trace_id, shown in found.items()}
