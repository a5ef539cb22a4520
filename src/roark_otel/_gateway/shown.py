"""What the spans of a protobuf request show of conversations, by the bytes in which every encoder writes it.

It gives what `peek` gives, in a tenth of the time, and knows where it cannot: then the request is left to `peek`. A
text that is made of the very bytes of an attribute passes for one. That only puts two conversations into one
group, in which each is read as it is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._gateway.framing import field_of_length
from roark_otel._model.formats import is_external_id
from roark_otel._model.rows import Strength
from roark_otel.attributes import CONVERSATION_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel._gateway.framing import FramedResource, FramedScope
    from roark_otel._model.vocabulary import Vocabulary

_MARKED: Final = int(Strength.MARKED)
_MARK: Final = CONVERSATION_ROOT.encode()

TraceShows: TypeAlias = "dict[bytes, dict[tuple[str | None, int | None], None]]"
"""What the spans of each trace show: external ids, and strengths of roots, each once."""


class ShownLook:
    """Looks at requests.

    Args:
        vocabulary: What the dialects know together.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._keys = [key.encode("utf-8", "replace") for key in vocabulary.id_keys]
        names = b"|".join(re.escape(field_of_length(0x0A, key)) for key in self._keys)
        # An attribute of a span, with its one byte of length, its name, and a text of one byte of length.
        self._id = re.compile(rb"\x4a[\x00-\x7f](?:" + names + rb")\x12[\x00-\x7f]\n[\x00-\x7f]", re.DOTALL)
        self._mark = re.compile(
            rb"\x4a[\x00-\x7f]" + re.escape(field_of_length(0x0A, _MARK)) + rb"\x12\x02\x10([\x00\x01])"
        )
        self._scopes = [field_of_length(0x0A, scope.encode()) for scope, roots in vocabulary.roots.items() if roots]
        """How scopes are written whose spans may be roots by their names."""

    def at(self, request: bytes, resources: list[FramedResource]) -> TraceShows | None:
        """Returns what the spans of a request show; None if its bytes alone do not say it."""
        if any(scope in part.head for part in _scopes(resources) for scope in self._scopes) or any(
            key in resource.head for resource in resources for key in self._keys
        ):
            return None
        ids = list(self._id.finditer(request))
        marked = request.count(_MARK)
        marks = list(self._mark.finditer(request)) if marked else []
        if len(ids) != sum(map(request.count, self._keys)) or len(marks) != marked:
            return None
        spans = [span for part in _scopes(resources) for span in part.spans]
        firsts = [span.first for span in spans]
        shown: dict[int, str] = {}
        texts: dict[bytes, str | None] = {}
        for found in ids:
            first, last = found.span()
            raw = request[last : last + request[last - 1]]
            if (external_id := texts.get(raw)) is None and (external_id := _text(raw)) is None:
                return None
            texts[raw] = external_id
            number = bisect_right(firsts, first) - 1
            if number < 0 or number in shown or first >= spans[number].last:
                return None
            shown[number] = external_id
        strengths = {bisect_right(firsts, found.start()) - 1: _MARKED for found in marks if found.group(1) == b"\x01"}
        by_trace: TraceShows = {}
        for number in shown.keys() | strengths.keys():
            key = shown.get(number), strengths.get(number)
            by_trace.setdefault(spans[number].trace, {})[key] = None
        return by_trace


def _scopes(resources: list[FramedResource]) -> Iterator[FramedScope]:
    return (scope for resource in resources for scope in resource.scopes)


def _text(raw: bytes) -> str | None:
    """Returns an external id; None if it is not one."""
    try:
        found = str(raw, "utf-8")
    except UnicodeDecodeError:
        return None
    return found if is_external_id(found) else None
