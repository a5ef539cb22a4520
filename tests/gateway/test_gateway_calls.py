"""Spans that come to a gateway become the calls that the app itself would have made of them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import Settings, assemble_call
from roark_otel.sandbox import Sandbox
from roark_otel.types import ReadyCall
from support.gateways import JSON, PROTOBUF, RECORDING, RunningGateway, Spoken, batches, texts, wait_for_calls
from support.otlp_lines import ended, line
from support.otlp_requests import protobuf
from support.replaying import FRAMEWORKS, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

pytest.importorskip("uvicorn", reason="the extra `gateway` is not installed")


QUIET = {"ROARK_QUIET_SECONDS": "2"}


@pytest.fixture(name="gateway")
def _gateway(tmp_path: Path, sandbox: Sandbox) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path, sandbox.url, environment=QUIET) as gateway:
        yield gateway


def made(external_id: str, *requests: bytes) -> dict[str, Any]:
    """The call that an engine of one's own would make."""
    found = assemble_call(external_id, requests, Settings().with_arguments(recording_url_template=RECORDING))
    assert isinstance(found, ReadyCall), found
    body: dict[str, Any] = json.loads(found.body)
    return body


def test_a_conversation_becomes_a_call(gateway: RunningGateway, sandbox: Sandbox) -> None:
    spans = Spoken().conversation("call-1", "Hello", "Good day")
    gateway.send(spans)
    calls = wait_for_calls(sandbox, 1)
    assert calls["call-1"] == made("call-1", protobuf(spans))
    gateway.wait_for_metric(0, "open_groups")
    assert gateway.metric("spans_total", outcome="stored") == len(spans)


def test_spans_of_several_processes_in_any_order_and_twice(gateway: RunningGateway, sandbox: Sandbox) -> None:
    app, other = Spoken(), Spoken("tools")
    spans = app.conversation("call-1", "Hello", "Good day", "Goodbye")
    spans += other.below(spans[-1], "From another process")
    another_trace = Spoken("billing").conversation("call-1", "From another trace", root=False)
    several = [protobuf([span]) for span in [*spans, *another_trace]]
    shuffled = [*several, *several, protobuf(spans)]
    random.Random(3).shuffle(shuffled)  # noqa: S311
    for request in shuffled:
        assert gateway.post(request).status_code == 200
    calls = wait_for_calls(sandbox, 1)
    assert calls["call-1"] == made("call-1", *several)
    assert sorted(texts(calls["call-1"])) == sorted(
        ["Hello", "Good day", "Goodbye", "From another process", "From another trace"]
    )


def test_recorded_frameworks(tmp_path: Path) -> None:
    """Every recorded conversation is exact, in batches of both encodings. Two of one id come to different gateways."""
    for number, several in enumerate(_without_the_same_id([_recorded(dump) for dump in FRAMEWORKS])):
        folder = tmp_path / str(number)
        folder.mkdir()
        expected = {name: call for one in several for name, call in one.calls.items()}
        with Sandbox() as sandbox, RunningGateway(folder, sandbox.url, environment=QUIET) as gateway:
            for one in several:
                for each, spans in enumerate(batches(one.spans, 7)):
                    body, headers = (line(spans), JSON) if each % 2 else (protobuf(spans), PROTOBUF)
                    assert gateway.post(body, **headers).status_code == 200
            assert wait_for_calls(sandbox, len(expected)) == expected


@dataclass(frozen=True)
class Recorded:
    """The spans of a dump, the ids that they show, and the calls that they make."""

    spans: Sequence[ReadableSpan]
    ids: frozenset[str]
    calls: dict[str, dict[str, Any]]


def _recorded(dump: str) -> Recorded:
    recorded = [span for span in load(dump) if span.get("on_end_seq") is not None]
    spans = ended(recorded, _ids(dump, recorded))
    ids = frozenset(_shown(spans))
    return Recorded(spans, ids, {name: made(name, protobuf(spans)) for name in ids if _makes_call(name, spans)})


def _without_the_same_id(dumps: Sequence[Recorded]) -> list[list[Recorded]]:
    found: list[list[Recorded]] = []
    for dump in dumps:
        for several in found:
            if all(one.ids.isdisjoint(dump.ids) for one in several):
                several.append(dump)
                break
        else:
            found.append([dump])
    return found


def _ids(dump: str, spans: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    if any("roark.external_id" in {**span["attributes"], **(span["resource"] or {})} for span in spans):
        return {}
    return {
        span["span_id"]: {"roark.external_id": Path(dump).name, "roark.conversation.root": True}
        for span in spans
        if not span["parent_span_id"]
    }


def _shown(spans: Sequence[ReadableSpan]) -> set[str]:
    found = {str((span.attributes or {}).get("roark.external_id", "")) for span in spans}
    return (found | {str(span.resource.attributes.get("roark.external_id", "")) for span in spans}) - {""}


def _makes_call(name: str, spans: Sequence[ReadableSpan]) -> bool:
    settings = Settings().with_arguments(recording_url_template=RECORDING)
    return isinstance(assemble_call(name, [protobuf(spans)], settings), ReadyCall)


def test_what_is_not_of_a_conversation_is_not_kept(gateway: RunningGateway, sandbox: Sandbox) -> None:
    spoken = Spoken()
    gateway.send(spoken.plain(50))
    assert gateway.metric("spans_total", outcome="not_ours") == 50
    assert gateway.metric("open_groups") == 0
    # Of a trace with a conversation every span counts, whenever it comes: it may lie between two that say something.
    spans = spoken.conversation("call-1", "Hello")
    gateway.send([*spoken.plain(3), *spans])
    assert gateway.metric("spans_total", outcome="not_ours") == 53
    assert gateway.metric("spans_total", outcome="stored") == len(spans)
    wait_for_calls(sandbox, 1)


def test_the_id_may_come_last(gateway: RunningGateway, sandbox: Sandbox) -> None:
    spans = Spoken().conversation("call-1", "Hello", "Good day")
    for span in spans[:-1]:
        gateway.send([span])
    gateway.wait_for_metric(1, "open_groups")
    gateway.send(spans[-1:])
    assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello", "Good day"]


def test_late_tool_uses_are_appended_and_nothing_is_sent_twice(gateway: RunningGateway, sandbox: Sandbox) -> None:
    spoken = Spoken()
    spans = spoken.conversation("call-1", "Hello")
    gateway.send(spans)
    wait_for_calls(sandbox, 1)
    gateway.wait_for_metric(0, "open_groups")
    gateway.send(spans)  # a Collector that sends everything twice
    gateway.wait_for_metric(0, "open_groups")
    assert gateway.metric("calls_total", outcome="late_spans") == 0
    late = spoken.below(spans[-1], "Too late")
    gateway.send(late)
    gateway.wait_for_metric(1, "calls_total", outcome="late_spans")
    gateway.send(late)
    gateway.wait_for_metric(0, "open_groups")
    assert gateway.metric("calls_total", outcome="late_spans") == 1
    assert len(sandbox.calls()) == 1
    assert gateway.metric("calls_total", outcome="duplicates") == 0


def test_a_second_root_of_an_id_is_kept_aside(gateway: RunningGateway, sandbox: Sandbox) -> None:
    gateway.send(Spoken().conversation("call-1", "Hello"))
    wait_for_calls(sandbox, 1)
    gateway.wait_for_metric(0, "open_groups")
    gateway.send(Spoken().conversation("call-1", "Once more"))
    gateway.wait_for_metric(1, "calls_total", outcome="duplicates")
    assert texts(wait_for_calls(sandbox, 1)["call-1"]) == ["Hello"]
