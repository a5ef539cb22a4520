"""What is fuzzed, and what must hold: nothing raises, nothing grows without bound, what leaves is valid and private."""

from __future__ import annotations

import io
import json
import resource
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, cast

from hypothesis import strategies as st

from fuzz.bodies import BODIES, taken
from fuzz.files import ANSWERS, REPLAYED, REQUESTS, SPOOLS, SpoolFile
from fuzz.spans import WORDS, Traced, traced
from fuzz.values import JSON_VALUES, SECRET
from roark_otel import Settings, assemble_call
from roark_otel._delivery.answers import append_receipt, is_listing, named_fields, receipt
from roark_otel._linking.defaults import Defaults
from roark_otel._linking.link import NotLinkable
from roark_otel._model.rows import Kind, SpanView, as_captured, row_of
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open.rows_in import RowsIn, row_of_exact
from roark_otel._open.schedule import Waits
from roark_otel._privacy.masking import Masking
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import Redaction
from roark_otel._replay.file import unpacked_file
from roark_otel._sources.otlp.peek import peek
from roark_otel._spool import admin, attachments, listing, records, rejected
from roark_otel._spool.claims import Spooled
from roark_otel._spool.file import Header
from roark_otel._spool.forgetting import forget
from roark_otel._spool.names import SENDABLE, Stage
from roark_otel._spool.spool import Spool
from roark_otel.cli.problems import Problem
from roark_otel.cli.replay.playing import Options, Playing
from roark_otel.cli.replay.sending import Created
from roark_otel.dialects import DIALECTS
from roark_otel.types import CallWithoutRecording, FailedCall, ReadyCall, UnreadableRequest
from support.contract import broken
from support.conversations import RULES, bodies
from support.helpers import ID, T0
from support.live import Finished, Live
from support.otlp_requests import shown_by_rows
from support.spool_names import call_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hypothesis.strategies import SearchStrategy

MAX_GROWTH: Final = 512 * 1024 * 1024
"""The most bytes by which a process may grow over the largest that it has been, for one input of a few hundred kB."""


@dataclass(frozen=True)
class Target:
    """Something that is fuzzed. `check` raises where what must hold does not."""

    about: str
    inputs: SearchStrategy[Any]
    check: Callable[[Any], None]

    def checked(self, given: Any) -> None:
        """Checks one input, and the memory that it took."""
        before = _peak()
        self.check(given)
        assert _peak() - before < MAX_GROWTH, "one input took half a gigabyte"


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _is_sound(body: bytes, size: int) -> None:
    assert not broken(body)
    assert len(body) <= 20 * size + 100_000, f"{size} bytes became {len(body)}"


# Files of spans

_SETTINGS: Final = Settings(auto_external_id=True)


def replayed(content: bytes) -> None:
    """A file is read to its end, whatever is in it, and every call that it makes is valid."""
    made: list[bytes] = []

    def take(call: ReadyCall) -> Created:
        made.append(call.body)
        return Created()

    raw = io.BytesIO(content)
    raw.name = "spans"
    file = unpacked_file(raw)
    options = Options(0, incomplete=True, send=take, on_done=lambda _: None, on_read=lambda _: None)
    try:
        played = Playing(file, _SETTINGS, DIALECTS, options).play()
    except Problem:
        return
    assert not played.counts["faults"]
    for body in made:
        _is_sound(body, len(content))


# Requests

_VOCABULARY: Final = Vocabulary(DIALECTS)
_OF_REQUESTS: Final = RowsIn(_VOCABULARY)


def requested(content: bytes) -> None:
    """A request is read or refused; what it shows at a glance is what its rows say, and its calls are valid."""
    try:
        found = shown_by_rows(content, _VOCABULARY, _OF_REQUESTS)
    except UnreadableRequest:
        found = None
    try:
        assert peek(content, _VOCABULARY) == found or found is None
    except UnreadableRequest:
        assert found is None
    for external_id in ("call-1", "another"):
        try:
            made = assemble_call(external_id, [content], _SETTINGS, incomplete=True)
        except UnreadableRequest:
            assert found is None
            continue
        assert not isinstance(made, FailedCall)
        if isinstance(made, (ReadyCall, CallWithoutRecording)):
            _is_sound(made.body, len(content))


# Spans of every dialect

_MASKING: Final = Masking(b"a key", WORDS)
_EXACT: Final = RowsIn(RULES.vocabulary)
_MASKED: Final = RowsIn(RULES.vocabulary, _MASKING.attribute)
_WITHOUT: Final = replace(RULES, defaults=Defaults(with_content=False))
_REDACTED: Final = replace(RULES, redaction=Redaction(Patterns(("card", "phone", "email"))))


def _rows(spans: Iterable[SpanView], rows_in: RowsIn) -> list[Any]:
    return [
        row_of_exact(rows_in.exact(as_captured(row_of(Kind.ENDED, one, own_id=one.attributes.get(ID))), T0))
        for one in spans
    ]


def read(given: Traced) -> None:
    """Spans of any dialect, with anything in them, make valid calls; with content off, none that has a word in it."""
    size = len(repr(given.spans))
    rows = _rows(given.spans, _EXACT)
    for body in (*bodies(rows), *bodies(rows, by=_REDACTED)):
        _is_sound(body, size)
    for body in (*bodies(rows, by=_WITHOUT), *bodies(_rows(given.spans, _MASKED), by=_WITHOUT)):
        _is_sound(body, size)
        assert SECRET not in body.decode().casefold()


def ended_in_any_order(given: Traced) -> None:
    """The same spans make the same calls, byte by byte, whichever order they end in."""
    first, *others = (_live_bodies(given.spans, order) for order in given.orders)
    for one in others:
        assert one == first


def _live_bodies(spans: Iterable[SpanView], ends: Iterable[SpanView]) -> list[bytes]:
    live = Live(DIALECTS, Waits(linger=2.0))
    try:
        for one in spans:
            live.start(
                one.span_id, one.parent_id, scope=one.scope, name=one.name, start_ns=one.start_ns,
                external_id=one.attributes.get(ID),
            )  # fmt: skip
        for one in ends:
            span = live.spans.pop(one.span_id)
            span.set_attributes(cast("Any", one.attributes))
            for event in one.events:
                name, time_ns, found_there = cast("Any", (event.name, event.time_ns, event.attributes))
                span.add_event(name, found_there, time_ns)
            span.end(one.end_ns)
            live.drain()
        found: dict[tuple[str, int], bytes] = {}
        for seconds in (3.0, 100.0, 20_000.0, 40_000.0):
            for output in live.after(seconds):
                if isinstance(output, Finished) and not isinstance(output.linked, NotLinkable):
                    key = (output.conversation.external_id, output.conversation.file_span_id)
                    found[key] = output.linked.to_json()
        return [found[key] for key in sorted(found)]
    finally:
        live.close()


# Redaction

ALL: Final = Patterns(("card", "phone", "email"))
_PIECES: Final = st.lists(
    st.one_of(
        st.sampled_from([" ", "-", ".", ", ", "\n", "\t", "(", ")", "+", "/", "\u00a0", "\u200b", "@", "a", "PAN"]),
        st.integers(0, 9_999).map(str),
        st.sampled_from(["4111111111111111", "4111 1111 1111 1111", "+1 555 010 0199", "ada@example.com"]),
        st.sampled_from(["\u0664\u0661\u0661\u0661", "\uff14\uff11\uff11", "\u0967\u0968\u0969", "\ud800"]),
        st.text(max_size=8),
    ),
    max_size=24,
).map("".join)


def redacted(given: tuple[str, Any]) -> None:
    """Redacting again changes nothing; a number on its own is found whatever stands around it; JSON stays JSON."""
    text, value = given
    once = ALL.text(text)
    assert ALL.text(once) == once
    assert len(once) <= 4 * len(text) + 100
    assert "5454545454545454" not in ALL.text(f"{text} : 5454545454545454 : {text}")
    found = ALL.value(value)
    assert repr(ALL.value(found)) == repr(found)
    json.dumps(found)


# The spool

_GOOD: Final = call_name("good", 7)
_BODY: Final = b'{"externalId":"good","recordingUrl":"https://example.com/a.wav"}'
_HEADER: Final = Header("good", "a1", 1_795_348_364.25, 0.0, turns=2, tools=1)


def spooled(given: list[SpoolFile]) -> None:
    """Files of any name and content in a spool cost only themselves: the good call beside them is there, whole."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as root:  # noqa: S108 - memory
        directory = Path(root) / "0123456789abcdef"
        spool = Spool(directory)
        spool.put(_GOOD, _HEADER, _BODY, Stage.READY)
        for one in given:
            one.put_into(Path(root), directory)
        _looked_at(Path(root), directory)
        _worked_on(directory)
        _attached_in(Path(root))
        assert forget(Path(root), "call-1").erased >= 0
        with Spool(directory).claim(_GOOD) as call:
            assert isinstance(call, Spooled)
            assert call.body == _BODY


def _attached_in(root: Path) -> None:
    try:
        assert attachments.attach_below(root, "call-1", "https://example.com/b.wav") >= 0
    except OSError:  # as it says: something else is in the place of the directory, and no call waits
        assert not (root / "attached").is_dir()


def _looked_at(root: Path, directory: Path) -> None:
    for one in listing.list_files(directory):
        listing.read_body(one.path)
    listing.measure(directory)
    listing.cut_off(directory)
    records.read(directory)
    attachments.kept_among(root, ["call-1", "call-2"])
    attachments.kept_for(root, "call-1")


def _worked_on(directory: Path) -> None:
    spool = Spool(directory)
    for item in spool.items(tuple(Stage)):
        with spool.claim(item.name, (*SENDABLE, Stage.WAITING, Stage.OPEN)) as call:
            if isinstance(call, Spooled):
                assert isinstance(call.header.finished_at + call.header.not_before, (int, float))
                datetime.fromtimestamp(min(max(call.header.finished_at, 0), 4e9), timezone.utc)
    for aside in rejected.rejected_files(directory):
        rejected.reason_for(directory, aside.name)
        admin.retry(directory, aside.name)


# Roark's answers


def answered(given: tuple[int, dict[str, str], bytes, bool]) -> None:
    """Any answer is a receipt, and quotes nothing but the names of fields."""
    status, headers, body, tried = given
    now = datetime(2026, 11, 22, tzinfo=timezone.utc)
    for found in (receipt(status, headers, body, tried=tried, now=now), append_receipt(status, headers, body, now=now)):
        assert len(repr(found)) < 10_000
        assert SECRET not in str(getattr(found, "reason", "")).casefold()
    assert len(named_fields(body)) <= len(body)
    is_listing(body)


TARGETS: Final = {
    "otlp": Target("files of OTLP, as JSON and as protobuf, and dumps, as `replay` reads them", REPLAYED, replayed),
    "requests": Target("OTLP requests, as protobuf and as JSON", REQUESTS, requested),
    "bodies": Target("bodies that the gateway is sent: packed, damaged, deep, dense, and bombs", BODIES, taken),
    "spans": Target("spans of every dialect, with values of any type", traced(is_odd=True), read),
    "order": Target("the same spans in any order of their ends", traced(is_odd=False), ended_in_any_order),
    "redaction": Target("texts and JSON values with numbers in them", st.tuples(_PIECES, JSON_VALUES), redacted),
    "spool": Target("files in a spool's directory", SPOOLS, spooled),
    "answers": Target("what Roark, or something before it, answers", ANSWERS, answered),
}
"""By name."""
