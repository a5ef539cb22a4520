"""Makes the call of a conversation that is over, or says why there is none. It sends nothing and keeps nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from typing_extensions import assert_never

from roark_otel._assembly.late import assemble_late
from roark_otel._assembly.outcomes import Open, Ready, Withheld
from roark_otel._engine.ended import as_it_was
from roark_otel._linking.link import NotLinkable, Recorded, late_fields
from roark_otel._linking.link import Unrecorded as WithoutRecording
from roark_otel._model.rows import KIND, OWN_ID, PARENT, SPAN, TRACE, Kind
from roark_otel._sources.assembler import CallAssembler, outcome_of
from roark_otel._sources.otlp.request import spans_of
from roark_otel._spool.body import appendable, divided, with_recording
from roark_otel._worker.outcomes import Dead, DoneWith, LacksRecording, NoneOfIt, StillOpen
from roark_otel._worker.tombstones import UNKNOWN_CALL, Tombstone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from roark_otel._linking.link import Linked
    from roark_otel._model.dialect import Dialect
    from roark_otel._model.rows import Row
    from roark_otel._settings.settings import Settings
    from roark_otel._sources.otlp.limits import UnreadableRequest
    from roark_otel._worker.outcomes import Away


INCOMPLETE: Final = "roark_incomplete"


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call to be created. `body`: for `POST /v1/call`."""

    body: bytes
    tombstone: Tombstone
    turns: int
    tools: int


@dataclass(frozen=True, slots=True)
class LateTools:
    """Tool invocations that came late. `bodies`: for the append endpoint, one request each."""

    call_id: str
    bodies: tuple[bytes, ...]
    tools: int
    tombstone: Tombstone


MadeOfIt: TypeAlias = "NewCall | LateTools | DoneWith | NoneOfIt | Dead | StillOpen | LacksRecording"


class Making:
    """Makes calls by some settings. Safe from any thread.

    Args:
        settings: How calls are made.
        dialects: The dialects that are read, the highest first.
        count: Called with the name of what is counted, and a number.
    """

    def __init__(self, settings: Settings, dialects: Sequence[Dialect], count: Callable[[str, int], None]) -> None:
        self._assembler = CallAssembler(settings, dialects)
        self._fallback_url = settings.recording_fallback_url
        self._count = count

    def make(self, away: Away) -> MadeOfIt:
        """Makes the call of a conversation."""
        if away.tombstone is not None:
            return self._late(away, Tombstone.from_bytes(away.tombstone))
        if away.is_late:
            self._count("late_dropped", len(away.requests))
            return NoneOfIt()
        batches = self._assembler.batches(away.requests, self._skip)
        outcomes = self._assembler.outcomes(batches, incomplete=away.is_idle)
        if outcomes is None:
            return Dead(away.external_id, "fault", b"", UNKNOWN_CALL.to_bytes())
        match outcome_of(away.external_id, outcomes):
            case Ready() as ready:
                return self._of_ready(away, ready, batches)
            case Withheld(_, reason):
                return self._no_call(reason or "empty")
            case Open() | None:
                return self._no_call("not_found") if away.is_idle else StillOpen()

    def _skip(self, _: UnreadableRequest) -> None:
        self._count("unreadable_requests", 1)

    def _no_call(self, reason: str) -> NoneOfIt:
        self._count(f"conversations_{reason}", 1)
        return NoneOfIt()

    def _of_ready(self, away: Away, ready: Ready, batches: Iterable[list[Row]]) -> MadeOfIt:
        is_whole = away.is_sure or _are_whole(away.requests)
        if not (is_whole or away.is_idle):
            return StillOpen()
        tombstone = Tombstone.of(ready, (row[SPAN] for rows in batches for row in rows if row[KIND] != Kind.RESOURCE))
        linked = ready.linked if is_whole else _incomplete(ready.linked)
        match linked:
            case NotLinkable("empty"):
                return self._no_call("empty")
            case NotLinkable(reason):
                self._count(f"conversations_{reason}", 1)
                return DoneWith(tombstone.to_bytes())
            case Recorded(is_by_template=is_guessed):
                body = linked.to_json()
                if is_guessed and away.recording_url is not None:
                    body = with_recording(body, away.recording_url)
                return NewCall(body, tombstone, linked.turns, linked.tools)
            case WithoutRecording():
                body, url = linked.to_json(), away.recording_url or (away.may_use_fallback and self._fallback_url)
                if url:
                    body = with_recording(body, url, is_fallback=away.recording_url is None)
                    return NewCall(body, tombstone, linked.turns, linked.tools)
                if away.may_use_fallback:
                    return Dead(away.external_id, "no_recording", body, tombstone.to_bytes())
                return LacksRecording()
        assert_never(linked)

    # What comes after a call was delivered

    def _late(self, away: Away, tombstone: Tombstone) -> MadeOfIt:
        rows = [row for batch in self._assembler.batches(away.requests, self._skip) for row in batch]
        new = _new_of(rows, away.external_id, tombstone)
        if not new:
            return NoneOfIt()
        made, rules = tombstone.made(away.external_id), self._assembler.rules
        self._count("late_spans", len(new))
        kept = [row for row in rows if row[KIND] == Kind.RESOURCE or (row[TRACE], row[SPAN]) in new]
        late = assemble_late(kept, away.external_id, rules, is_framework=made.is_framework)
        tools, rest = divided(late_fields(as_it_was(late, made), rules.defaults, rules.redaction))
        if rest.keys() - {"properties"} or (tools and tombstone.call_id is None):
            self._count("late_dropped", 1)
        after = tombstone.with_spans(span for _, span in new)
        if not tools or tombstone.call_id is None:
            return DoneWith(after.to_bytes())
        return LateTools(tombstone.call_id, tuple(appendable(tools)), len(tools), after)


def _incomplete(linked: Linked) -> Linked:
    """Returns a call that says that it has no end: the span that its spans are below never came."""
    if isinstance(linked, NotLinkable):
        return linked
    properties = cast("Mapping[str, object]", linked.body["properties"])
    return replace(linked, body={**linked.body, "properties": {**properties, INCOMPLETE: True}})


def _are_whole(requests: Iterable[bytes]) -> bool:
    """Returns whether each span's parent is among the spans, or in a process whose spans may never come."""
    found = [span for request in requests for span in spans_of(request)]
    known = {(span.record.trace_id, span.record.span_id) for span in found}
    return all(
        span.has_remote_parent
        or span.record.parent_id is None
        or (span.record.trace_id, span.record.parent_id) in known
        for span in found
    )


def _new_of(rows: Iterable[Row], external_id: str, tombstone: Tombstone) -> set[tuple[int, int]]:
    """Returns which spans are of a call and not in it: those with its id, or below spans of it.

    In a trace of several conversations the others' spans come here, too.
    """
    spans = {(row[TRACE], row[SPAN]): row for row in rows if row[KIND] != Kind.RESOURCE}
    known: dict[tuple[int, int], bool] = {}

    def is_of_call(key: tuple[int, int]) -> bool:
        path: list[tuple[int, int]] = []
        found = False
        while key not in known:
            row = spans.get(key)
            if row is None or key[1] in tombstone.spans:
                found = key[1] in tombstone.spans
                break
            path.append(key)
            known[key] = False  # spans that are above each other are above nothing else
            if row[OWN_ID] is not None:
                found = row[OWN_ID] == external_id
                break
            key = row[TRACE], row[PARENT]
        else:
            found = known[key]
        known.update(dict.fromkeys(path, found))
        return found

    return {key for key in spans if key[1] not in tombstone.spans and is_of_call(key)}
