"""Where an app for Node.js may set the external id: each way gives one call, from the app's spans and from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import RoarkSpanProcessor
from support.otlp_lines import ended, lines
from support.playing import played
from support.replaying import RECORDING, load, replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

ID = "roark.external_id"


def on(*names: str) -> Callable[[list[Json]], list[Json]]:
    """Sets the id on the spans of these names, all if there are none, after they have started."""

    def put(spans: list[Json]) -> list[Json]:
        for one in spans:
            if not names or one["name"] in names:
                one["attributes"][ID] = "x"
        return spans

    return put


def on_the_resource(spans: list[Json]) -> list[Json]:
    return [{**one, "resource": {**one["resource"], ID: "x"}} for one in spans]


def on_a_span_around(spans: list[Json]) -> list[Json]:
    """The app's own span is around the whole session, and is exported last."""
    (session,) = (one for one in spans if one["name"] == "agent_session")
    around = {
        **session,
        "name": "call",
        "span_id": "00f067aa0ba902b7",
        "scope": {"name": "my-app", "version": ""},
        "attributes": {ID: "x"},
        "attributes_at_start": {ID: "x"},
        "start_ns": session["start_ns"] - 1_000_000,
        "end_ns": session["end_ns"] + 1_000_000,
        "on_start_seq": 0,
        "on_end_seq": 1 + max(one["on_end_seq"] for one in spans),
    }
    session["parent_span_id"] = around["span_id"]
    return [*spans, around]


def copied_from_baggage(spans: list[Json]) -> list[Json]:
    """A processor copies it, but hooks begin without a context."""
    parents = {one["span_id"]: one["parent_span_id"] for one in spans}
    names = {one["span_id"]: one["name"] for one in spans}

    def is_in_hook(span_id: str | None) -> bool:
        return span_id is not None and (names[span_id] == "on_enter" or is_in_hook(parents[span_id]))

    for one in spans:
        if not is_in_hook(one["span_id"]):
            one["attributes"][ID] = "x"
    return spans


WAYS: dict[str, Callable[[list[Json]], list[Json]]] = {
    "the resource": on_the_resource,
    "a span around": on_a_span_around,
    "the job": on("job_entrypoint"),
    "the session": on("agent_session"),
    "all spans": on(),
    "baggage": copied_from_baggage,
    "a hook": on("on_enter"),
}


def recorded() -> list[Json]:
    """Returns the spans of a call in a job, without an id."""
    spans = load("livekit-js/job_sip")
    for one in spans:
        one["attributes"].pop(ID, None)
        one["attributes_at_start"].pop(ID, None)
    return spans


@pytest.mark.parametrize("way", WAYS)
def test_each_way_gives_one_call(sandbox: Sandbox, way: str) -> None:
    spans = WAYS[way](recorded())
    processor = RoarkSpanProcessor(api_key="k", base_url=sandbox.url, recording_url=RECORDING)
    replay(spans, processor)
    assert processor.force_flush(120_000)

    (sent,) = sandbox.calls()
    calls = {"the app": dict(sent), "a file": played(lines(ended(spans)))["x"]}
    for found in calls.values():
        assert found["externalId"] == "x"
        assert [one["text"] for one in found["transcript"]] == [
            "Hello there, how can I help?",
            "Are you open today",
            "Yes, until six.",
        ]
        assert found["agent"] == {"name": "order-desk"}
        assert "agents" not in found
