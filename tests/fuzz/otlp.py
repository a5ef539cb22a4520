"""OTLP requests as protobuf: of every dialect, with fields of any type anywhere, and with bytes of them changed."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from fuzz.spans import TONGUES
from fuzz.values import ODD_TIMES, SAID
from support.otlp_requests import SPAN, TRACE, field, fixed32, fixed64, pair, varint

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_NAMES: Final = sorted({name for one in TONGUES.values() for name in (*one.attributes, *one.event_attributes)})
_TIMES: Final = ODD_TIMES.map(lambda time: abs(time) % 2**64)

_ODD: SearchStrategy[bytes] = st.one_of(
    st.builds(lambda number, found: field(number, found), st.integers(1, 20), st.binary(max_size=8)),
    st.builds(lambda number, found: field(number, found), st.integers(1, 20), st.integers(0, 2**64 - 1)),
    st.builds(fixed64, st.integers(1, 20), st.integers(0, 2**64 - 1)),
    st.builds(fixed32, st.integers(1, 20), st.integers(0, 2**32 - 1)),
    st.builds(lambda number, found: varint(number << 3 | 3) + found, st.integers(1, 20), st.binary(max_size=8)),
    st.binary(max_size=4),
)
"""A field of any number and type, which may be one that is known, or none at all."""


@st.composite
def _message(draw: DrawFn, *parts: SearchStrategy[bytes], at_most: int = 5) -> bytes:
    """Draws a message of these fields in any order, and now and then one that does not belong there."""
    found = draw(st.lists(st.one_of(*parts), max_size=at_most))
    if draw(st.integers(0, 20)) == 20:
        found.insert(draw(st.integers(0, len(found))), draw(_ODD))
    return b"".join(found)


def _fields(number: int, content: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    return content.map(lambda found: field(number, found))


_VALUES: SearchStrategy[bytes] = st.recursive(
    st.one_of(
        (SAID | st.text(max_size=9) | st.just("call-1")).map(lambda one: field(1, one)),
        st.booleans().map(lambda one: field(2, int(one))),
        st.integers(-(2**63), 2**63 - 1).map(lambda one: field(3, one)),
        st.floats().map(lambda one: field(4, one)),
        st.binary(max_size=9).map(lambda one: field(7, one)),
        _ODD,
    ),
    lambda inner: st.one_of(
        st.lists(_fields(1, inner), max_size=3).map(lambda found: field(5, b"".join(found))),
        st.lists(st.builds(pair, st.text(max_size=2), inner), max_size=3).map(
            lambda found: field(6, b"".join(field(1, one) for one in found))
        ),
    ),
    max_leaves=4,
)
_PAIRS: SearchStrategy[bytes] = st.one_of(
    st.builds(pair, st.sampled_from(_NAMES), _VALUES),
    st.just(pair("roark.external_id", field(1, "call-1"))),
    st.just(pair("roark.recording_url", field(1, "https://example.com/a.wav"))),
    st.just(pair("roark.conversation.root", field(2, 1))),
    _message(_fields(1, st.just(b"roark.external_id")), _fields(2, _VALUES)),
)


def _spans(spans: tuple[str, ...], events: tuple[str, ...]) -> SearchStrategy[bytes]:
    event = _message(
        _TIMES.map(lambda time: fixed64(1, time)),
        st.sampled_from(events or ("exception",)).map(lambda name: field(2, name)),
        _fields(3, _PAIRS),
    )
    ids = st.sampled_from([SPAN, bytes(7) + b"\x01", bytes(7) + b"\x02", bytes(7) + b"\x03"])
    usual = st.builds(
        lambda trace, span, start, end: field(1, trace) + field(2, span) + fixed64(7, start) + fixed64(8, end),
        st.sampled_from([TRACE, bytes(15) + b"\x01"]),
        ids,
        _TIMES,
        _TIMES,
    )
    rest = _message(
        _fields(4, ids),
        st.sampled_from(spans).map(lambda name: field(5, name)),
        st.integers(0, 6).map(lambda kind: field(6, kind)),
        _fields(9, _PAIRS),
        _fields(11, event),
        st.integers(0, 2**40).map(lambda number: field(12, number)),
        st.integers(0, 3).map(lambda code: field(15, field(3, code))),
        at_most=9,
    )
    return st.builds(bytes.__add__, usual, rest)


def _requests_of(name: str) -> SearchStrategy[bytes]:
    tongue = TONGUES[name]
    scope = _message(
        st.sampled_from(list(tongue.scopes)).map(lambda one: field(1, field(1, one))),
        _fields(2, _spans(tuple(tongue.spans), tuple(tongue.events))),
        at_most=6,
    )
    return _fields(1, _message(_fields(1, _fields(1, _PAIRS)), _fields(2, scope)))


REQUESTS: SearchStrategy[bytes] = st.sampled_from(sorted(TONGUES)).flatmap(_requests_of)
"""Requests as they may be, and a few that cannot be read."""

FILES: SearchStrategy[bytes] = st.one_of(
    st.lists(REQUESTS, max_size=3).map(b"".join),
    st.lists(REQUESTS, max_size=3).map(lambda found: b"".join(len(one).to_bytes(4, "big") + one for one in found)),
)
"""Files of them: one after the other, which is one request too, or each after its size."""

PACKED: SearchStrategy[bytes] = FILES.map(lambda content: gzip.compress(content, 1, mtime=0))
