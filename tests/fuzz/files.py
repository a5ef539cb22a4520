"""Bodies and files that strangers write: OTLP requests, files of a spool, answers."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from fuzz import otlp
from fuzz.spans import TONGUES
from fuzz.values import JSON_VALUES, MESSAGES, ODD_TIMES, SAID, SECRET
from roark_otel._spool.names import Stage
from support.conversations import GARBAGE
from support.spool_names import call_name

if TYPE_CHECKING:
    from pathlib import Path

    from hypothesis.strategies import DrawFn, SearchStrategy

# OTLP, of which any node may be something else

_IDS: Final = st.sampled_from(["00000000000000a1", "00000000000000A2", "AAAAAAAAAAE=", "00a3", "", "zz", 7, None])
_TRACES: Final = st.sampled_from(
    ["000000000000000000000000000000b1", "AAAAAAAAAAAAAAAAAAAAsQ==", "-0000000000000000000000000000b1", "0", None]
)
_NAMES: Final = sorted({name for one in TONGUES.values() for name in (*one.attributes, *one.event_attributes)})


@st.composite
def _odd(draw: DrawFn, usual: SearchStrategy[Any]) -> Any:
    """Draws what usually is there, and now and then anything else."""
    return draw(JSON_VALUES if draw(st.integers(0, 30)) == 30 else usual)


_TIMES: Final = _odd(ODD_TIMES.map(str) | ODD_TIMES)
_VALUES: SearchStrategy[Any] = st.recursive(
    st.one_of(
        (SAID | MESSAGES | st.text(max_size=9)).map(lambda one: {"stringValue": one}),
        (st.integers() | st.integers().map(str) | st.text(max_size=3)).map(lambda one: {"intValue": one}),
        (st.floats() | st.sampled_from(["NaN", "Infinity", "x"])).map(lambda one: {"doubleValue": one}),
        st.booleans().map(lambda one: {"bool_value": one}),
        st.text(max_size=9).map(lambda one: {"bytesValue": one}),
        JSON_VALUES,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: {"arrayValue": {"values": found}}),
        st.lists(inner, max_size=3).map(
            lambda found: {"kvlistValue": {"values": [{"key": str(at), "value": one} for at, one in enumerate(found)]}}
        ),
    ),
    max_leaves=4,
)


def _attributes(*first: tuple[str, str]) -> SearchStrategy[Any]:
    each = st.builds(lambda name, value: {"key": name, "value": value}, st.sampled_from(_NAMES), _odd(_VALUES))
    known = [{"key": key, "value": {"stringValue": value}} for key, value in first]
    return _odd(st.lists(each, max_size=4).map(lambda found: [*known, *found]))


_EVENTS: Final = st.fixed_dictionaries(
    {"name": _odd(st.sampled_from([name for one in TONGUES.values() for name in one.events])), "timeUnixNano": _TIMES},
    optional={"attributes": _attributes()},
)


@st.composite
def _spans(draw: DrawFn) -> Any:
    tongue = TONGUES[draw(st.sampled_from(sorted(TONGUES)))]
    has_id = draw(st.booleans())
    usual = (("roark.external_id", "call-1"), ("roark.recording_url", "https://example.com/a.wav"))
    return draw(
        st.fixed_dictionaries(
            {
                "traceId": _odd(_TRACES),
                "spanId": _odd(_IDS),
                "name": _odd(st.sampled_from(tongue.spans)),
                "startTimeUnixNano": _TIMES,
                "attributes": _attributes(*(usual if has_id else ())),
            },
            optional={
                "endTimeUnixNano": _TIMES,
                "parentSpanId": _odd(_IDS),
                "events": _odd(st.lists(_EVENTS, max_size=3)),
                "kind": st.integers(0, 6) | st.sampled_from(["SPAN_KIND_SERVER", [], None]),
                "status": _odd(st.sampled_from([{}, {"code": 2}, {"code": "STATUS_CODE_ERROR"}, {"code": [2]}])),
                "flags": st.integers(0, 0x400) | st.just("256"),
                "droppedEventsCount": st.integers(-1, 2**70),
            },
        )
    )


_SCOPES: Final = [name for one in TONGUES.values() for name in one.scopes]
_REQUEST: Final = st.builds(
    lambda resource, scope, spans: {
        "resourceSpans": [
            {"resource": {"attributes": resource}, "scopeSpans": [{"scope": {"name": scope}, "spans": spans}]}
        ]
    },
    _attributes(),
    _odd(st.sampled_from(_SCOPES)),
    _odd(st.lists(_odd(_spans()), min_size=1, max_size=5)),
)
_LINES: Final = st.lists(_odd(_REQUEST), min_size=1, max_size=3).map(
    lambda found: b"".join(json.dumps(one).encode() + b"\n" for one in found)
)

_DUMPED: Final = st.fixed_dictionaries(
    {
        "trace_id": _odd(_TRACES),
        "span_id": _odd(_IDS),
        "name": _odd(st.sampled_from(["call", "agent_session", "turn"])),
        "start_ns": _odd(ODD_TIMES),
        "end_ns": _odd(ODD_TIMES | st.none()),
    },
    optional={
        "attributes": _odd(st.dictionaries(st.sampled_from([*_NAMES, "roark.external_id"]), JSON_VALUES, max_size=4)),
        "events": _odd(st.lists(_odd(st.builds(lambda at: {"name": "exception", "ts_ns": at}, _odd(ODD_TIMES))))),
        "scope": _odd(st.sampled_from([{"name": name} for name in _SCOPES])),
        "resource": _odd(st.just({"roark.external_id": "call-1"})),
        "status": _odd(st.just({"code": "ERROR"})),
        "parent_span_id": _odd(_IDS),
        "dropped_events": _odd(st.integers()),
    },
)
_DUMPS: Final = st.lists(_odd(_DUMPED), max_size=4).map(lambda found: json.dumps(found).encode())


@st.composite
def _spoilt(draw: DrawFn, whole: SearchStrategy[bytes]) -> bytes:
    """Bytes with a few of them changed, cut out or repeated."""
    content = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(content)))
        match draw(st.integers(0, 2)):
            case 0:
                content[at : at + 1] = draw(st.binary(max_size=2))
            case 1:
                del content[at : at + draw(st.integers(1, 20))]
            case _:
                content[at:at] = content[at : at + 40] * draw(st.integers(1, 50))
    return bytes(content)


REPLAYED: SearchStrategy[bytes] = st.one_of(
    *(one for whole in (_LINES, _DUMPS, otlp.FILES, otlp.PACKED) for one in (whole, _spoilt(whole))),
    st.binary(max_size=60),
)
"""Files that `replay` may be given."""

REQUESTS: SearchStrategy[bytes] = st.one_of(
    *(one for whole in (otlp.REQUESTS, _REQUEST.map(json.dumps).map(str.encode)) for one in (whole, _spoilt(whole))),
    st.binary(max_size=60),
)
"""OTLP requests, as protobuf and as JSON."""

# Files of a spool


@dataclass(frozen=True)
class SpoolFile:
    """A file somewhere in a spool, put there by anybody who may write to it."""

    folder: str
    name: str
    content: bytes

    def put_into(self, root: Path, directory: Path) -> None:
        """Writes it. Names that no file can have, or that are taken by a directory, are left out."""
        folder = root / self.folder[1:] if self.folder.startswith("/") else directory / self.folder
        with suppress(OSError, ValueError):
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / self.name).exists():
                (folder / self.name).write_bytes(self.content)


_HEADERS: Final = st.fixed_dictionaries(
    {
        "external_id": _odd(st.sampled_from(["call-1", "good", SECRET])),
        "trace_id": _odd(st.just("a1")),
        "finished_at": _odd(st.sampled_from([0, 1_795_348_364.25, 1e300, -1])),
        "not_before": _odd(st.sampled_from([0, 1e300, -5.5])),
        "turns": _odd(st.integers(0, 9)),
        "tools": _odd(st.integers(0, 9)),
        "format": _odd(st.sampled_from([1, 1, 1, 2, True, -1, 0.5])),
    },
    optional={
        "owner": _odd(st.sampled_from(["", "00", "../../x", "a" * 300, "\x00"])),
        "call_id": _odd(st.just("c1")),
        "started_at": _odd(st.just(0.0)),
        "service": _odd(st.just("app")),
        "has_resolver": _odd(st.booleans()),
        "recording_wait": _odd(st.just(60.0)),
        "more": JSON_VALUES,
    },
)
_BODIES: Final = _odd(
    st.fixed_dictionaries(
        {"externalId": _odd(st.just("call-1"))},
        optional={
            "recordingUrl": _odd(st.just("https://example.com/a.wav")),
            "transcript": _odd(st.lists(JSON_VALUES, max_size=3)),
            "toolInvocations": _odd(st.lists(JSON_VALUES, max_size=3)),
            "properties": JSON_VALUES,
            "startedAt": JSON_VALUES,
        },
    )
)
_CONTENTS: Final = st.builds(
    lambda header, body: json.dumps(header).encode() + b"\n" + json.dumps(body).encode() + b"\n", _HEADERS, _BODIES
)
_CALLS: Final = st.sampled_from(
    [
        call_name("call-1", 7),
        f"{call_name('call-1', 7)}-1",
        call_name("call-1", 8),
        f"k{call_name('call-1', 7)}",
        f"p{call_name('call-1', 7)}",
        "x",
        "-",
    ]
)
SPOOLS: SearchStrategy[list[SpoolFile]] = st.lists(
    st.one_of(
        st.builds(
            lambda name, stage, content: SpoolFile("", f"{name}{stage.value}", content),
            _CALLS,
            st.sampled_from(Stage),
            _CONTENTS | _spoilt(_CONTENTS) | st.binary(max_size=30),
        ),
        st.builds(
            lambda name, end, content: SpoolFile("rejected", f"{name}{end}", content),
            _CALLS,
            st.sampled_from([".jsonl", ".reason.json"]),
            _CONTENTS
            | _spoilt(st.just(b'{"status": 400, "reason": "transcript"}'))
            | JSON_VALUES.map(lambda value: json.dumps(value).encode())
            | st.fixed_dictionaries({"status": JSON_VALUES, "reason": JSON_VALUES}).map(
                lambda v: json.dumps(v).encode()
            ),
        ),
        st.builds(
            SpoolFile,
            st.sampled_from(["/keys", "/attached", "", "rejected", "/"]),
            st.sampled_from(
                ["0123456789abcdef", f"{call_name('call-1', 7).partition('-')[0]}.json", "00.owner", ".a.tmp", "a\nb"]
            )
            | st.text(st.characters(codec="utf-8", exclude_characters="/\x00"), min_size=1, max_size=30),
            st.one_of(
                st.binary(max_size=30),
                JSON_VALUES.map(lambda value: json.dumps(value).encode()),
                st.dictionaries(
                    st.sampled_from(["url", "address", "accepted", "acceptance", "services", "answer", "answered_at"]),
                    JSON_VALUES,
                ).map(lambda value: json.dumps(value).encode()),
            ),
        ),
    ),
    max_size=5,
)
"""Files that another process of the same user may leave in a spool."""

# Answers

_SAYS: Final = _odd(
    st.fixed_dictionaries(
        {},
        optional={
            "data": _odd(st.builds(lambda key: {"id": key}, _odd(st.just("c1")))),
            "message": SAID,
            "details": _odd(
                st.lists(
                    st.builds(
                        lambda at, why: {"path": at, "message": why}, _odd(st.just("transcript[0].text") | SAID), SAID
                    ),
                    max_size=4,
                )
            ),
            "error": GARBAGE.map(repr) | SAID,
        },
    )
)
_ANSWER_BODIES: Final = _SAYS.map(lambda value: json.dumps(value).encode())
ANSWERS: SearchStrategy[tuple[int, dict[str, str], bytes, bool]] = st.tuples(
    st.integers(100, 599) | st.sampled_from([200, 201, 400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 503]),
    st.dictionaries(
        st.sampled_from(["retry-after", "location", "content-type"]),
        st.sampled_from(["1", "1e999", "nan", "-5", "Wed, 21 Oct 2026 07:28:00 GMT", "0" * 999, "9" * 999])
        | st.text(max_size=9),
    ),
    _ANSWER_BODIES | _spoilt(_ANSWER_BODIES) | st.just(b"[" * 100_000),
    st.booleans(),
)
"""A status, headers, a body, and whether an earlier attempt was made."""
