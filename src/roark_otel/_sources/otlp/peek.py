"""What a request shows of conversations, at a glance: enough to route its spans, and to know that a root has ended.

Of protobuf, a span is skipped by its length unless a name that is looked for stands among its bytes, or its scope has
roots; then it is read for these names alone. So what is wrong with the rest of a request shows only in `decode`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from roark_otel._model.formats import is_external_id
from roark_otel._sources.otlp.protobuf import ProtobufRequest
from roark_otel._sources.otlp.request import open_request, reading
from roark_otel._sources.recorded import identity_of
from roark_otel.attributes import CONVERSATION_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roark_otel._model.vocabulary import Vocabulary
    from roark_otel._sources.otlp.glance import Glance
    from roark_otel._sources.otlp.json_request import JsonRequest


class ShownSpan(NamedTuple):
    """A span that shows an external id, or that a mark or a framework makes a root. It has ended, as all exported ones.

    `strength` is the value of a `Strength`, None of a span that only shows an id: the topmost of these is the implied
    root of its conversation.
    """

    trace_id: int
    span_id: int
    parent_id: int | None
    external_id: str | None
    strength: int | None


@dataclass(frozen=True, slots=True)
class Peeked:
    """What a request shows.

    Attributes:
        traces: How many spans there are of each trace.
        shown: The spans that show something, in the order of the request.
        resource_ids: The external id of the resource by the trace of its spans. It counts where no span shows one.
    """

    traces: dict[int, int] = field(default_factory=dict["int", "int"])
    shown: list[ShownSpan] = field(default_factory=list["ShownSpan"])
    resource_ids: dict[int, str] = field(default_factory=dict["int", "str"])


def peek(request: bytes, vocabulary: Vocabulary) -> Peeked:
    """Returns what a request shows.

    Args:
        request: An OTLP export of traces, as protobuf or JSON.
        vocabulary: What the dialects know together.

    Raises:
        UnreadableRequest: if it cannot be read as far as that.
    """
    with reading():
        opened = open_request(request)
        looking = _Looking(vocabulary)
        if isinstance(opened, ProtobufRequest):
            looking.at_protobuf(opened, request)
        else:
            looking.at_json(opened)
        return looking.found


class _Names(NamedTuple):
    """The names of attributes that are looked for, the same in bytes, and the names of roots as fields of a span."""

    wanted: frozenset[str]
    wanted_bytes: frozenset[bytes]
    roots: tuple[bytes, ...]


@lru_cache(maxsize=16)
def _names(id_keys: tuple[str, ...], root_names: frozenset[str]) -> _Names:
    """Returns the names of a vocabulary, which each request is looked at for."""
    wanted = frozenset({*id_keys, CONVERSATION_ROOT})
    in_bytes = frozenset(name.encode("utf-8", "replace") for name in wanted)
    return _Names(wanted, in_bytes, tuple(_name_field(name) for name in root_names))


class _Looking:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._names = _names(vocabulary.id_keys, vocabulary.root_names)
        self.found = Peeked()

    def at_protobuf(self, opened: ProtobufRequest, request: bytes) -> None:
        wanted = self._names.wanted_bytes
        found = [iter(_places(request, names)) for names in (wanted, self._names.roots)]
        shown, root = next(found[0]), next(found[1])
        for resource, scope, spans in opened.groups():
            has_roots = bool(self._vocabulary.roots.get(scope))
            traces: dict[int, int] = {}
            for first, last in spans:
                while shown < first:
                    shown = next(found[0])
                while root < first:
                    root = next(found[1])
                if shown < last or (has_roots and root < last):
                    glance = opened.look(first, last, wanted)
                    self._note(glance, scope)
                    trace_id = glance.trace_id
                else:
                    trace_id = opened.trace_of(first, last)
                traces[trace_id] = traces.get(trace_id, 0) + 1
            self._note_traces(resource, traces)

    def at_json(self, opened: JsonRequest) -> None:
        for resource, scope, spans in opened.groups():
            traces: dict[int, int] = {}
            for span in spans:
                glance = opened.look(span, self._names.wanted)
                self._note(glance, scope)
                traces[glance.trace_id] = traces.get(glance.trace_id, 0) + 1
            self._note_traces(resource, traces)

    def _note(self, glance: Glance, scope: str) -> None:
        shown, strength = identity_of(scope, glance.name, glance.attributes, self._vocabulary)
        external_id = shown if isinstance(shown, str) and is_external_id(shown) else None
        if external_id is not None or strength is not None:
            self.found.shown.append(ShownSpan(*glance[:3], external_id, strength))

    def _note_traces(self, resource: Mapping[str, object], traces: Mapping[int, int]) -> None:
        external_id = self._vocabulary.external_id(resource)
        for trace_id, spans in traces.items():
            self.found.traces[trace_id] = self.found.traces.get(trace_id, 0) + spans
            if isinstance(external_id, str) and is_external_id(external_id):
                self.found.resource_ids.setdefault(trace_id, external_id)


def _name_field(name: str) -> bytes:
    """Returns how a span's name stands in protobuf, but for a long one's length."""
    raw = name.encode("utf-8", "replace")
    return bytes((0x2A, len(raw))) + raw if len(raw) < 0x80 else raw


def _places(request: bytes, names: Iterable[bytes]) -> list[int]:
    """Returns the places of some names in a request, in order, and after them its end."""
    found = [len(request)]
    for name in names:
        place = request.find(name)
        while place >= 0:
            found.append(place)
            place = request.find(name, place + len(name))
    found.sort()
    return found
