"""Every recorded conversation makes the same call through OTLP requests, and files, as through the processor."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import RoarkSpanProcessor, Settings, assemble_call
from roark_otel.types import NoCall, ReadyCall
from support.otlp_lines import BATCH, ended, line
from support.otlp_requests import protobuf
from support.playing import played
from support.replaying import RECORDING, SPANS, load, replay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

DUMPS = sorted(
    str(path.relative_to(SPANS).with_suffix(""))
    for path in SPANS.rglob("*.json")
    if not {"truth", "never_ended"} & set(path.name.split("."))
)
SETTINGS = Settings().with_arguments(recording_url_template=RECORDING)


def ids(dump: str) -> dict[str, Json]:
    """Returns an id for each root of a dump; none if the dump has ids."""
    spans = load(dump)
    if any("roark.external_id" in {**span["attributes"], **(span["resource"] or {})} for span in spans):
        return {}
    return {
        span["span_id"]: {"roark.external_id": f"{Path(dump).name}"} for span in spans if not span["parent_span_id"]
    }


def in_batches(spans: Sequence[ReadableSpan], encode: Callable[[Sequence[ReadableSpan]], bytes]) -> list[bytes]:
    return [encode(spans[first : first + BATCH]) for first in range(0, len(spans), BATCH)]


def assembled(external_ids: Sequence[str], requests: Sequence[bytes]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for external_id in external_ids:
        made = assemble_call(external_id, requests, SETTINGS)
        assert isinstance(made, ReadyCall), made
        assert made.external_id == external_id
        found[external_id] = json.loads(made.body)
    return found


@pytest.mark.parametrize("dump", DUMPS)
def test_spans_from_elsewhere_make_the_calls_of_the_app(sandbox: Sandbox, dump: str) -> None:
    spans = load(dump)
    if any(span.get("on_end_seq") is None for span in spans):
        pytest.skip("a span that never ended is in no export")
    processor = RoarkSpanProcessor(api_key="k", base_url=sandbox.url, recording_url_template=RECORDING)
    replay(spans, processor, ids(dump))
    processor.force_flush()
    live = {body["externalId"]: body for body in sandbox.calls()}
    assert live

    exported = ended(spans, ids(dump))
    lines, messages = in_batches(exported, line), in_batches(exported, protobuf)
    for requests, encode in ((lines, line), (messages, protobuf)):
        assert assembled(list(live), requests) == live
        # In another order, one twice, and all spans in one.
        again = [*requests, requests[0], encode(exported)]
        random.Random(7).shuffle(again)  # noqa: S311
        assert assembled(list(live), again) == live
    assert assemble_call("another", [*lines, *messages], SETTINGS) == NoCall("another", "not_found")

    assert played(b"".join(lines)) == live
    delimited = b"".join(len(one).to_bytes(4, "big") + one for one in messages)
    assert played(delimited) == live
    assert played(gzip.compress(delimited)) == live
    assert played(b"".join(messages)) == live  # which is one request as well
