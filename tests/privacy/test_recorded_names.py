"""Which attributes of the recordings hold content, and which may be exported without it, by name.

The lists are in `recorded_names.json`. `UPDATE_SNAPSHOTS=1 pytest tests/privacy/test_recorded_names.py` rewrites them.
Review the difference: a name that moves to `exported` or `words kept` may be a leak.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext

from roark_otel._model.dialect import Words
from roark_otel._privacy.masking import Masking
from roark_otel._traces.harmless import harmless_of, without_content
from roark_otel.dialects import DIALECTS
from support.dumps import record
from support.paths import SPANS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from roark_otel._model.rows import SpanView

SNAPSHOT = Path(__file__).with_name("recorded_names.json")

WORD = re.compile(r"\w")

FOLDERS = sorted(path.name for path in SPANS.iterdir() if path.is_dir())


def spans(folder: str) -> Iterator[dict[str, Any]]:
    for path in sorted((SPANS / folder).glob("*.json")):
        if ".truth" not in path.suffixes:
            yield from json.loads(path.read_text(encoding="utf-8"))


def mappings(span: SpanView | ReadableSpan) -> list[Mapping[str, Any]]:
    resource = span.resource.attributes if isinstance(span.resource, Resource) else span.resource
    return [span.attributes or {}, *(event.attributes or {} for event in span.events), resource]


def names(found: Iterable[str]) -> list[str]:
    """Names without repetition; `llm.input_messages.3` and `.4` are one name."""
    return sorted({re.sub(r"(?<=\.)\d+(?=\.|$)", "N", name) for name in found})


def as_sdk_span(span: dict[str, Any]) -> ReadableSpan:
    return ReadableSpan(
        span["name"],
        SpanContext(1, 2, is_remote=False),
        attributes=span["attributes"],
        resource=Resource(span.get("resource") or {}),
        events=[Event(one["name"], one.get("attributes") or {}, 1) for one in span.get("events") or ()],
    )


def found_in(folder: str) -> dict[str, list[str]]:
    exported: set[str] = set()
    masked: set[str] = set()
    words_kept: set[str] = set()
    masking = Masking(b"a key", Words.joined(dialect.words for dialect in DIALECTS))
    harmless = harmless_of(DIALECTS)
    for span in spans(folder):
        for attributes in mappings(without_content(as_sdk_span(span), harmless)):
            exported |= set(attributes)
        before = record({"end_ns": None, "events": (), **span})
        for old in mappings(before):
            new = {name: masking.attribute(name, value) for name, value in old.items()}
            masked |= {name for name in old if new[name] != old[name]}
            words_kept |= {
                name
                for name, value in old.items()
                if isinstance(value, str) and new[name] == value and WORD.search(value)
            }
    return {"exported": names(exported), "masked": names(masked), "words kept": names(words_kept)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_same_names_of_the_recordings_are_exported_and_masked(folder: str) -> None:
    found = found_in(folder)
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        kept = json.loads(SNAPSHOT.read_text(encoding="utf-8")) if SNAPSHOT.exists() else {}
        text = json.dumps({**kept, folder: found}, indent=2, sort_keys=True)
        SNAPSHOT.write_text(text + "\n", encoding="utf-8")
    assert found == json.loads(SNAPSHOT.read_text(encoding="utf-8"))[folder]


def test_every_folder_of_recordings_has_its_lists() -> None:
    assert sorted(json.loads(SNAPSHOT.read_text(encoding="utf-8"))) == FOLDERS
