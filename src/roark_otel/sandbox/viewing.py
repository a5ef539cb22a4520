"""What the pages show: a row for each arrival, and one document for each call or refused request."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final

from roark_otel.pages.document import document
from roark_otel.pages.rows import row
from roark_otel.sandbox import shapes
from roark_otel.sandbox.json_values import JsonObject, object_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roark_otel.sandbox.arrivals import Arrival, Arrivals, RowKey
    from roark_otel.sandbox.calls import Calls
    from roark_otel.sandbox.recordings import Recordings
    from roark_otel.sandbox.spans import Spans
    from roark_otel.sandbox.traced import Traced

_MOST_CACHED: Final = 2000


class Views:
    """Reads arrivals as pages show them.

    Args:
        arrivals: What has arrived.
        calls: The calls among them.
        spans: Knows which traces are linked to a call.
        traced: The spans of those traces.
        recordings: Knows the sound that is here.
    """

    def __init__(self, arrivals: Arrivals, calls: Calls, spans: Spans, traced: Traced, recordings: Recordings) -> None:
        self._arrivals = arrivals
        self._calls = calls
        self._spans = spans
        self._traced = traced
        self._recordings = recordings
        self._cache: OrderedDict[RowKey, tuple[JsonObject, JsonObject]] = OrderedDict()
        self._lock = Lock()

    def listing(self, search: str) -> JsonObject:
        """Returns the newest rows that are found, and what else the list of calls shows."""
        seq = self._arrivals.newest_seq()  # first: what arrives meanwhile is sent again rather than missed
        found = self._arrivals.newest(search)
        return {
            "seq": seq,
            "rows": self.rows(found.keys),
            "total": found.total,
            "open": self._traced.open(),
            "spans": self._traced.counts(),
        }

    def rows(self, keys: Iterable[RowKey]) -> list[JsonObject]:
        """Returns the rows of arrivals, without those that were let go of meanwhile."""
        return [found for key in keys if (found := self._row(key))]

    def call(self, call_id: str, own_hosts: frozenset[str]) -> JsonObject:
        """Returns the document of a call.

        Args:
            call_id: Roark's id of it, or its external id.
            own_hosts: The addresses of this sandbox, as `host:port`.

        Raises:
            KeyError: No call has the id.
        """
        arrival = self._arrivals.of_call(call_id)
        record = self._calls.with_id(arrival.call_id or "")
        trace_ids = self._spans.linked_to(record.body)
        details = shapes.detailed(record, self._calls.properties(record.id), trace_ids)
        return document(
            self._with_all_tools(record.id, record.body),
            details=_without_body(details),
            spans=self._traced.of_call(record.body, trace_ids),
            recording=self._recordings.of_call(record.body, own_hosts),
            receipt=_receipt(arrival, shapes.created(record)),
        )

    def refused(self, seq: int) -> JsonObject:
        """Returns the document of a refused request.

        Raises:
            KeyError: There is none with this number.
        """
        arrival = self._arrivals.refused(seq)
        return document(arrival.body, receipt=_receipt(arrival, arrival.answer))

    def _row(self, key: RowKey) -> JsonObject | None:
        try:
            known, ids = self._known(key)
        except KeyError:
            return None
        return {**known, "linked": len(self._spans.linked_to(ids))} if known["kind"] == "call" else known

    def _known(self, key: RowKey) -> tuple[JsonObject, JsonObject]:
        """Returns the row of an arrival, and the ids that link traces to it, which come before and after it."""
        with self._lock:
            if key in self._cache:
                return self._cache[key]
        made = self._made(self._arrivals.at(key.seq))
        with self._lock:
            self._cache[key] = made
            if len(self._cache) > _MOST_CACHED:
                self._cache.popitem(last=False)
        return made

    def _made(self, arrival: Arrival) -> tuple[JsonObject, JsonObject]:
        body = arrival.body
        if arrival.call_id is not None:
            body = self._with_all_tools(arrival.call_id, body)
        fields = dict.fromkeys(str(issue["field"]) for issue in arrival.issues)
        made = row(
            body,
            seq=arrival.seq,
            received_at=arrival.received_at,
            call_id=arrival.call_id,
            status=arrival.status,
            fields=fields,
        )
        return made, {name: body.get(name) for name in ("externalId", "livekitRoomId")}

    def _with_all_tools(self, call_id: str, body: JsonObject) -> JsonObject:
        """Returns the body of a call with the tool invocations that were posted later."""
        tools = list(self._calls.tool_invocations(call_id))
        return {**body, "toolInvocations": tools} if tools else body


def _receipt(arrival: Arrival, answer: JsonObject) -> JsonObject:
    return {
        "status": arrival.status,
        "receivedAt": arrival.received_at,
        "headers": arrival.headers,
        "answer": answer,
        "issues": arrival.issues,
    }


def _without_body(answer: JsonObject) -> JsonObject:
    """Returns what Roark says of a call, without the body that the document has beside it."""
    details = object_at(answer, "data")
    return {**details, "sandbox": {"traceIds": object_at(details, "sandbox")["traceIds"]}}
