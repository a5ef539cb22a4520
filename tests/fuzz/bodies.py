"""Bodies that the gateway is sent, and what must hold of each, from its first byte to the pieces that are stored."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

from hypothesis import strategies as st

from fuzz.files import REQUESTS
from roark_otel._gateway.bodies import Limits, NoBody, RequestBody, received_body
from roark_otel._gateway.door import Door, Room
from roark_otel._gateway.framing import framed, spans_in
from roark_otel._gateway.pieces import cut_by_trace
from roark_otel._gateway.reception import NeverReadable, Received
from roark_otel._gateway.relevance import RequestRelevance
from roark_otel._gateway.unpacking_bodies import CHUNK
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._sources.otlp.limits import MAX_CUT_BYTES, UnreadableRequest
from roark_otel._sources.otlp.peek import peek
from roark_otel._sources.otlp.request import is_json, spans_of
from roark_otel.dialects import DIALECTS
from support.otlp_requests import field, pair, request, span, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Generator, Iterator

    from hypothesis.strategies import DrawFn, SearchStrategy

    from roark_otel._gateway.reception import Waiting

KIB: Final = 1024
LIMITS: Final = Limits(packed=256 * KIB, unpacked=1024 * KIB, seconds=3600.0)
"""Those of the gateway are larger. What is taken follows from them, whichever they are."""

ROOM: Final = 1280 * KIB
"""How many bytes there is room for; a body alone always finds some."""

AROUND: Final = 512 * KIB
"""What the loop, a thread and the tables of one request take beside its bytes."""

PER_BYTE: Final = 130
"""The most bytes that reading takes for one of a request: two of protobuf may be an event, three of JSON a mapping."""

# What a body has, not packed

_ID: Final = field(9, pair("roark.external_id", field(1, "call-1")))
_HEAD: Final = (
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"000000000000000000000000000000b1",'
    '"spanId":"00000000000000a1","attributes":[{"key":"roark.external_id","value":'
)
_SIZES: Final = st.integers(0, 300) | st.sampled_from([1_000, 5_000, 30_000, 60_000])


def _deep_protobuf(depth: int, tag: int) -> bytes:
    """Returns a span whose attribute has lists, or mappings, within each other. Lengths are of the last level alone."""
    value = field(1, "x")
    for _ in range(min(depth, 1_000)):
        value = field(5, field(1, value)) if tag == 0x2A else field(6, field(1, pair("k", value)))
    return request(span(_ID, field(9, pair("deep", value))))


def _deep_json(depth: int, opens: str, closes: str) -> bytes:
    return (_HEAD + opens * depth + closes * depth).encode()


_DEEP: Final = st.builds(_deep_protobuf, _SIZES, st.sampled_from([0x2A, 0x32])) | st.builds(
    _deep_json,
    _SIZES,
    st.sampled_from(["[", '{"a":', '{"arrayValue":{"values":[', '{"kvlistValue":{"values":[{"key":"a","value":']),
    st.sampled_from(["", "]", "}", "]}}", "}]}}"]),
)
"""Values within each other, closed or not."""

_WHERE: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda content: request(span(_ID, content)),
    lambda content: request(span(_ID, field(11, content))),
    lambda content: request(span(_ID, field(13, content))),
    lambda content: request(span(_ID, field(9, pair("k", content)))),
    lambda content: request(span(_ID, field(9, pair("k", field(5, content))))),
    lambda content: request(span(_ID), resource=content),
    lambda content: request(span(_ID), scope=content),
    lambda content: field(1, content) + request(span(_ID)),
    lambda content: content,
)
_TAGS: Final = st.sampled_from([0x0A, 0x12, 0x1A, 0x22, 0x2A, 0x32, 0x4A, 0x5A, 0x6A, 0x08, 0x0B, 0x0C, 0x0D])
_DENSE: Final = st.builds(
    lambda where, tag, content, times: where((bytes((tag, len(content))) + content) * times),
    st.sampled_from(_WHERE),
    _TAGS,
    st.binary(max_size=3),
    _SIZES,
) | st.builds(
    lambda part, times: (_HEAD + "[" + ",".join([part] * times) + "]}]}]}]}]}").encode(),
    st.sampled_from(["{}", "[]", '{"a":0}', '"a"', "0", "1.5", "null", '"\\ud800"', "1e400", "9" * 30]),
    st.integers(0, 9_000),
)
"""Very many values, each of a few bytes."""

_LENGTHS: Final = st.one_of(
    st.integers(0, 40), st.sampled_from([2**31 - 1, 2**31, 2**32, 2**63, 2**64 - 1]), st.integers(0, 2**40)
)
_WRONG_LENGTHS: Final = st.builds(
    lambda where, tag, length, content: where(varint(tag) + varint(length) + content),
    st.sampled_from(_WHERE),
    _TAGS,
    _LENGTHS,
    st.binary(max_size=30) | st.just(_ID),
)


def _of_traces(traces: int, resource: int, *, is_damaged: bool) -> bytes:
    """Returns a request of many traces whose resource is large."""
    spans = [span(_ID, trace=number.to_bytes(16, "big")) for number in range(1, min(traces, 400) + 1)]
    spans += [span(_ID, trace=b"short")] if is_damaged else []
    return request(*spans, resource=field(1, pair("note", field(1, "x" * min(resource, 20_000)))))


_MANY_TRACES: Final = st.builds(_of_traces, _SIZES, _SIZES, is_damaged=st.booleans())
CONTENTS: SearchStrategy[bytes] = st.one_of(REQUESTS, REQUESTS, _DEEP, _DENSE, _WRONG_LENGTHS, _MANY_TRACES)

# How it is packed


def _zstd(content: bytes) -> bytes:
    try:
        found = import_module("compression.zstd")  # since Python 3.14
    except ImportError:
        found = import_module("backports.zstd")
    return bytes(found.compress(content, 1))


_PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": bytes,
    "gzip": lambda content: gzip.compress(content, 1, mtime=0),
    "deflate": lambda content: zlib.compress(content, 1),
    "zstd": _zstd,
}
_NAMES: Final = st.sampled_from(["", "identity", "gzip", " GZip", "zstd", "deflate", "br", "gzip, gzip", "\u00e9"])


@cache
def _bomb(encoding: str, megabytes: int, times: int) -> bytes:
    """Returns what becomes very large, unpacked once or several times."""
    found = bytes(megabytes * 1024 * KIB)
    for _ in range(times):
        found = _PACKERS[encoding](found)
    return found


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it comes: in which parts, with which headers, and whether its traces are known."""

    content: bytes
    encoding: str
    length: str
    part: int
    is_whole: bool
    is_known: bool


@st.composite
def _packed(draw: DrawFn) -> tuple[str, bytes]:
    encoding = draw(st.sampled_from(sorted(_PACKERS)))
    pack = _PACKERS[encoding]
    match draw(st.integers(0, 7)):
        case 0 if encoding:
            return encoding, draw(st.builds(_bomb, st.just(encoding), st.sampled_from([2, 8, 32]), st.integers(1, 2)))
        case 1:
            return encoding, pack(b"") * draw(_SIZES.map(lambda size: min(size, 5_000))) + pack(draw(CONTENTS))
        case 2:
            return encoding, b"".join(pack(one) for one in draw(st.lists(CONTENTS, max_size=3)))
        case 3:
            whole = bytearray(pack(draw(CONTENTS)))
            at = draw(st.integers(0, len(whole)))
            whole[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
            return encoding, bytes(whole)
        case 4:
            whole = bytearray(pack(draw(CONTENTS)))
            return encoding, bytes(whole[: draw(st.integers(0, len(whole)))])
        case 5:
            return draw(_NAMES), pack(draw(CONTENTS))
        case _:
            return encoding, pack(draw(CONTENTS))


BODIES: SearchStrategy[Body] = st.builds(
    lambda packed, length, part, is_whole, is_known: Body(packed[1], packed[0], length, part, is_whole, is_known),
    _packed(),
    st.sampled_from(["", "0", "17", "-1", "x", "1e9"])
    | st.sampled_from([11, 20, 21, 5_000]).map(lambda size: "9" * size),
    st.sampled_from([1 << 30, 1 << 30, 65_536, 1_000]),
    st.integers(0, 9).map(bool),
    st.booleans(),
)

# What must hold

_VOCABULARY: Final = Vocabulary(DIALECTS)
_RELEVANCE: Final = RequestRelevance(_VOCABULARY)


class _Keeper:
    """Keeps what the door lets in."""

    def __init__(self, known: Container[bytes]) -> None:
        self._known = known
        self.waiting: list[Waiting] = []

    def knows_any(self, traces: set[bytes]) -> bool:
        return any(trace in self._known for trace in traces)

    def put(self, waiting: Waiting) -> None:
        self.waiting.append(waiting)


class _All:
    """Every trace."""

    def __contains__(self, trace: object) -> bool:
        return True


@contextmanager
def _takes_at_most(size: int) -> Generator[list[int], None, None]:
    """Checks how much memory Python takes at a time beyond what it has. Yields a list, to which more may be added."""
    tracemalloc.start()
    allowed = [size]
    try:
        yield allowed
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most <= sum(allowed), f"{most:,} bytes, and {sum(allowed):,} are allowed"


def taken(given: Body) -> None:
    """A body is taken or refused, as the gateway does it, within the memory that its limits allow."""
    room = Room(ROOM)
    with _takes_at_most(2 * (len(given.content) + LIMITS.unpacked + 2 * CHUNK) + AROUND):
        found = _received(given, room)
    if isinstance(found, NoBody):
        assert found.status in {400, 413, 415, 503}
        assert found.is_busy is (found.status == 503)
        assert room.used == 0
        return
    assert given.is_whole
    assert len(found.content) <= LIMITS.unpacked
    assert found.room == room.used >= len(found.content)
    with _takes_at_most(PER_BYTE * len(found.content) + AROUND) as allowed:
        allowed.append(2 * _entered(found.content, _All() if given.is_known else ()))


def _received(given: Body, room: Room) -> RequestBody | NoBody:
    found: list[RequestBody | NoBody] = []

    async def receive_one() -> None:
        # Not as the result of the task, of which asyncio makes a text.
        found.append(await received_body(_headers(given), _receiving(given), LIMITS, room))

    asyncio.run(receive_one())
    return found[0]


def _headers(given: Body) -> dict[bytes, str]:
    length = {b"content-length": given.length} if given.length else {}
    return {b"content-encoding": given.encoding, **length}


def _receiving(given: Body) -> Callable[[], Any]:
    firsts = range(0, max(1, len(given.content)), given.part)
    parts = (
        {"type": "http.request", "body": given.content[at : at + given.part], "more_body": at != firsts[-1]}
        for at in (firsts if given.is_whole else firsts[:-1])
    )
    messages: Iterator[dict[str, Any]] = chain(parts, [{"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    return receive


def _entered(content: bytes, known: Container[bytes]) -> int:
    """Lets an unpacked request in, and cuts it. Returns how many bytes its pieces have, each with its resource."""
    keeper = _Keeper(known)
    door = Door(cast("Any", keeper), _RELEVANCE, cast("Any", None))
    reception = door.enter(content, lambda _: None)
    if reception is not None:
        assert isinstance(reception, (Received, NeverReadable))
        assert not keeper.waiting
        return 0
    try:
        cut = cut_by_trace(keeper.waiting[0].request, _VOCABULARY, _RELEVANCE, known)
    except UnreadableRequest as fault:
        assert 0 < len(str(fault)) < 200  # noqa: PT017 - its sender is answered with it
        return 0
    assert 0 <= cut.rejected <= cut.spans
    assert bool(cut.why) is bool(cut.rejected)
    assert sum(piece.spans for piece in cut.pieces) <= cut.spans - cut.rejected
    size = sum(len(piece.body) for piece in cut.pieces)
    assert size <= MAX_CUT_BYTES
    for piece in cut.pieces:
        _is_of_one_trace(piece.body, piece.trace, piece.spans)
    return size


def _is_of_one_trace(request: bytes, trace: bytes, spans: int) -> None:
    """Checks a piece: the spans of one trace, which can be read, but for one that its sender has damaged."""
    if not is_json(request):
        assert [one.trace for _, _, one in spans_in(framed(request))] == [trace] * spans
    try:
        assert peek(request, _VOCABULARY).traces == {int.from_bytes(trace, "big"): spans}
        assert len(spans_of(request)) == spans
    except UnreadableRequest as fault:
        assert str(fault)  # noqa: PT017 - an id of a wrong length, which is left out when the call is made
