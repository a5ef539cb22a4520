"""Which spans of a request may be of a conversation, by the names that stand in its bytes.

Attributes, events and scopes have their names in protobuf as they are, after one byte of tag and one of length. What
only looks like one, within some text, costs no more than a span that is kept in vain.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import groupby
from typing import TYPE_CHECKING, Final

from roark_otel._gateway.shown import ShownLook
from roark_otel.attributes import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel._model.vocabulary import Vocabulary

_OF_ROARK: Final = PREFIX.rstrip(".").encode()
"""Names of attributes, events and scopes begin with it, so that it is looked for anywhere."""


class RequestRelevance:
    """Looks for the names that make a span relevant.

    Args:
        vocabulary: What the dialects know together.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.shown = ShownLook(vocabulary)
        """What looks for what spans show."""
        known = {*vocabulary.prefixes, *vocabulary.id_keys, *vocabulary.scopes}
        # One of 128 bytes and more, which has a second byte of length, is not found. None of these is.
        self._pattern = re.compile(rb"\n.(?:" + _alternatives(known) + rb")", re.DOTALL)

    def is_in(self, request: bytes) -> bool:
        """Returns whether any of these names stands in a protobuf request."""
        # From the end it is searched in half the time.
        return request.rfind(_OF_ROARK) >= 0 or self._pattern.search(request) is not None

    def places(self, request: bytes) -> list[int]:
        """Returns where in a protobuf request they stand, in order."""
        return sorted([*_places(request, _OF_ROARK), *(found.end() for found in self._pattern.finditer(request))])

    def is_on(self, scopes: Iterable[str], names: Iterable[str]) -> bool:
        """Returns whether spans of these scopes, with attributes and events of these names, may be of one."""
        return not self._vocabulary.scopes.isdisjoint(scopes) or any(map(self._vocabulary.is_relevant, names))


def is_between(places: list[int], first: int, last: int) -> bool:
    """Returns whether one of these places, which are in order, is between two others."""
    at = bisect_left(places, first)
    return at < len(places) and places[at] < last


def _alternatives(known: Iterable[str]) -> bytes:
    """Returns a pattern of the names that begin otherwise, by their first bytes: it fails at once on most names."""
    names = sorted({name.encode("utf-8", "replace") for name in known})
    others = [name for name in names if name and not name.startswith(_OF_ROARK)]
    shortest = [name for name in others if not any(name != one and name.startswith(one) for one in others)]
    groups = [(first, list(several)) for first, several in groupby(shortest, key=lambda name: name[:1])]
    return b"|".join(
        re.escape(first) + b"(?:" + b"|".join(re.escape(one[1:]) for one in several) + b")" for first, several in groups
    )


def _places(request: bytes, name: bytes) -> Iterator[int]:
    place = request.find(name)
    while place >= 0:
        yield place
        place = request.find(name, place + len(name))
