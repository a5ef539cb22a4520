"""A recorded file makes the same calls that the app would have made."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import RoarkSpanProcessor, Settings
from roark_otel.cli.replay.playing import Options, Playing
from roark_otel.cli.replay.sending import Created
from roark_otel.dialects import DIALECTS
from support.otlp_lines import ended, lines
from support.replaying import RECORDING, SPANS, load, replay

if TYPE_CHECKING:
    from roark_otel._replay.pipeline import ReadyCall
    from roark_otel.cli.replay.sending import SendResult
    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

DUMPS = sorted(
    str(path.relative_to(SPANS).with_suffix(""))
    for path in SPANS.rglob("*.json")
    if not {"truth", "never_ended"} & set(path.name.split("."))
)


def played(content: bytes) -> dict[str, Json]:
    """Plays a file. Returns its calls by external id."""
    found: dict[str, Json] = {}

    def take(call: ReadyCall) -> SendResult:
        assert call.external_id not in found
        found[call.external_id] = json.loads(call.body)
        return Created()

    settings = Settings().with_arguments(recording_url_template=RECORDING)
    options = Options(0, incomplete=False, send=take, on_done=lambda _: None, on_read=lambda _: None)
    Playing(io.BytesIO(content), settings, DIALECTS, options).play()
    return found


def ids(dump: str) -> dict[str, Json]:
    """Returns an id for each root of a dump; none if the dump has ids."""
    spans = load(dump)
    if any("roark.external_id" in {**span["attributes"], **(span["resource"] or {})} for span in spans):
        return {}
    return {
        span["span_id"]: {"roark.external_id": f"{Path(dump).name}"} for span in spans if not span["parent_span_id"]
    }


@pytest.mark.parametrize("dump", DUMPS)
def test_a_file_makes_the_calls_of_the_app(sandbox: Sandbox, dump: str) -> None:
    spans = load(dump)
    if any(span.get("on_end_seq") is None for span in spans):
        pytest.skip("a span that never ended is in no export")
    processor = RoarkSpanProcessor(api_key="k", base_url=sandbox.url, recording_url_template=RECORDING)
    replay(spans, processor, ids(dump))
    processor.force_flush()

    live = {body["externalId"]: body for body in sandbox.calls()}
    assert live
    assert played(lines(ended(spans, ids(dump)))) == live
