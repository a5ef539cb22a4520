"""Turns stored calls into the JSON of Roark's answers."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from roark_otel.sandbox.json_values import JsonObject, object_at, text_at
from roark_otel.sandbox.rules import agents_of, customers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roark_otel.sandbox.listing import Page
    from roark_otel.sandbox.stored import Appended, CallRecord, Patched

_NAMESPACE = uuid.UUID("6f1b6e0c-6a0a-4c62-9a52-0d7a3e4f5b10")


def created(record: CallRecord) -> JsonObject:
    """Makes the answer to `POST /v1/call`."""
    return {"data": _core(record)}


def listing(page: Page, properties: Sequence[Mapping[str, str]]) -> JsonObject:
    """Makes the answer to `GET /v1/call`; `properties` are those of each call of the page."""
    pairs = zip(page.records, properties, strict=True)
    return {
        "data": [_full(record, values) for record, values in pairs],
        "pagination": {"nextCursor": page.next_cursor, "hasMore": page.has_more, "total": page.total},
    }


def detailed(record: CallRecord, properties: Mapping[str, str], trace_ids: Sequence[str]) -> JsonObject:
    """Makes the answer to `GET /v1/call/{id}`, with a field `sandbox` that the real Roark does not have."""
    sandbox = {"traceIds": list(trace_ids), "body": record.body}
    return {"data": {**_full(record, properties), "sandbox": sandbox}}


def appended(record: CallRecord, outcome: Appended, body: JsonObject) -> JsonObject:
    """Makes the answer to `POST /v1/call/{id}/tool-invocations`."""
    return {"data": {"added": outcome.added, "skipped": outcome.skipped, **_unscored(record, body)}}


def patched(record: CallRecord, outcome: Patched, properties: Mapping[str, str], body: JsonObject) -> JsonObject:
    """Makes the answer to `PATCH /v1/call/{id}/properties`."""
    changes = {"updated": list(outcome.updated), "removed": list(outcome.removed)}
    return {"data": {"properties": dict(properties), **changes, **_unscored(record, body)}}


def _unscored(record: CallRecord, body: JsonObject) -> JsonObject:
    error = "the sandbox does not score metrics" if body.get("metrics") else None
    return {"callId": record.id, "metricCollectionError": error, "metricCollectionJob": None}


def _core(record: CallRecord) -> JsonObject:
    return {
        "id": record.id,
        "projectId": record.project_id,
        "externalId": record.external_id,
        "status": record.status,
        "callDirection": record.body["callDirection"],
        "startedAt": record.started_at,
        "createdAt": record.created_at,
        "agents": [_agent(record.project_id, agent) for agent in agents_of(record.body)],
        "customers": [
            {"label": customer.get("label"), "phoneNumberE164": customer["phoneNumberE164"]}
            for customer in customers_of(record.body)
        ],
    }


def _full(record: CallRecord, properties: Mapping[str, str]) -> JsonObject:
    return {
        **_core(record),
        "updatedAt": record.updated_at,
        "endedAt": record.ended_at,
        "durationMs": record.duration_ms,
        "endedStatus": record.body.get("endedStatus"),
        "recordingUrl": record.body["recordingUrl"],
        "recordingUrlAccess": "AVAILABLE",
        "properties": dict(properties),
        "policyIds": [],
        "simulationJobId": None,
        "summary": None,
        "supersededByCallId": None,
        "title": None,
    }


def agent_id(project_id: str, agent: JsonObject) -> str:
    """Returns Roark's id of an agent, which is the same in every call of a project."""
    own = text_at(agent, "customId") or text_at(agent, "name") or ""
    return text_at(agent, "roarkId") or str(uuid.uuid5(_NAMESPACE, f"{project_id}/{own}"))


def _agent(project_id: str, agent: JsonObject) -> JsonObject:
    identity: JsonObject = {"id": agent_id(project_id, agent)}
    endpoint = object_at(agent, "endpoint")
    if not endpoint:
        return {**identity, "endpoint": None}
    value = text_at(endpoint, "value")
    own_id = text_at(endpoint, "id") or str(uuid.uuid5(_NAMESPACE, f"{project_id}/endpoint/{value}"))
    phone = value if value is not None and value.startswith("+") else None
    return {**identity, "endpoint": {"id": own_id, "environment": "PRODUCTION", "phoneNumberE164": phone}}
