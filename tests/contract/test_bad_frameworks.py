"""Spans of frameworks that are broken, mixed up or unknown: always a call of what can be read, and one warning."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import RoarkSpanProcessor
from support.helpers import by_id, wait_until
from support.replaying import FRAMEWORKS, RECORDING, load, replay, truths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]
LIVEKIT, PIPECAT = "livekit/1.8.9-tool_call", "pipecat/tool_call_http"


def calls(sandbox: Sandbox, spans: list[Json], ids: Mapping[str, str], **arguments: Any) -> dict[str, Json]:
    """Replays these spans, with an id on each root. Returns their calls."""
    processor = RoarkSpanProcessor(api_key="k", base_url=sandbox.url, recording_url=RECORDING, **arguments)
    replay(spans, processor, {root: {"roark.external_id": external_id} for root, external_id in ids.items()})
    assert processor.force_flush(120_000)
    wait_until(lambda: len(sandbox.calls()) >= len(set(ids.values())), 30)
    return by_id([dict(body) for body in sandbox.calls()])


def spoken(body: Json) -> list[tuple[str, str]]:
    return [(entry["role"], entry["text"]) for entry in body.get("transcript", ())]


def true(dump: str) -> list[tuple[str, str]]:
    return spoken({"transcript": truths(dump)[0]["transcript"]})


def warnings(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in log.records if record.levelname == "WARNING"]


def without_ids(dump: str) -> list[Json]:
    """Returns the spans of a dump without the id that they were recorded with."""
    spans = load(dump)
    for span in spans:
        span["resource"] = {"service.name": "shop"}
        span["attributes"].pop("roark.external_id", None)
    return spans


def root(dump: str) -> str:
    return str(truths(dump)[0]["rootSpanId"])


@pytest.mark.parametrize("dump", [dump for dump in FRAMEWORKS if dump.startswith(("livekit", "pipecat"))][::4])
def test_missing_spans_cost_only_their_own_words(dump: str, sandbox: Sandbox) -> None:
    """A third of them, parents and children alike, as if a sampler or a limit had dropped them."""
    chance = random.Random(dump)  # noqa: S311 - not for secrets
    spans = [span for span in without_ids(dump) if span["span_id"] == root(dump) or chance.random() > 1 / 3]

    (body,) = calls(sandbox, spans, {root(dump): "a"}).values()

    assert body["properties"]["framework"] in {"livekit-agents", "@livekit/agents", "pipecat"}


def test_two_frameworks_in_one_trace_are_two_calls(sandbox: Sandbox) -> None:
    livekit, pipecat = without_ids(LIVEKIT), without_ids(PIPECAT)
    for span in pipecat:
        span["trace_id"] = livekit[0]["trace_id"]
        span["on_start_seq"] += 0.5
        span["on_end_seq"] += 0.5

    found = calls(sandbox, [*livekit, *pipecat], {root(LIVEKIT): "one", root(PIPECAT): "other"})

    assert (spoken(found["one"]), spoken(found["other"])) == (true(LIVEKIT), true(PIPECAT))
    assert found["one"]["properties"]["framework"] == "livekit-agents"
    assert found["other"]["properties"]["framework"] == "pipecat"


def renamed_by_livekit(name: str) -> str:
    return name.replace("lk.pii.", "lk.secret.")


def renamed_by_pipecat(name: str) -> str:
    return f"speech.{name}" if name in {"text", "transcript", "output", "input"} else name


@pytest.mark.parametrize(("dump", "renamed"), [(LIVEKIT, renamed_by_livekit), (PIPECAT, renamed_by_pipecat)])
def test_a_version_with_other_names_for_the_words_is_reported_once(
    dump: str, renamed: Callable[[str], str], sandbox: Sandbox, said: pytest.LogCaptureFixture
) -> None:
    """Without the warning, it would be an empty call that says that nobody spoke."""
    spans = without_ids(dump)
    for span in spans:
        span["attributes"] = {renamed(name): value for name, value in span["attributes"].items()}

    body = calls(sandbox, spans, {root(dump): "a"})["a"]

    assert "transcript" not in body
    assert "endedStatus" not in body
    (warning,) = warnings(said)
    assert "named otherwise by this version" in warning


@pytest.mark.parametrize("dump", [LIVEKIT, PIPECAT])
def test_unknown_names_change_nothing(dump: str, sandbox: Sandbox) -> None:
    spans = without_ids(dump)
    for span in spans:
        span["attributes"]["lk.pii.thing_to_come"] = "new"
        span["name"] = f"{span['name']}_v9" if span["name"] in {"eou_wait", "llm_request_run"} else span["name"]

    assert spoken(calls(sandbox, spans, {root(dump): "a"})["a"]) == true(dump)
