"""`ROARK_PAYLOAD_SPAN_IDS`: entries and tool invocations name the span that has their words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from support.replaying import arrived, delivered, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel.sandbox import Sandbox

Json = dict[str, Any]

DUMPS = (
    "gen_ai/langsmith_openai",
    "gen_ai/openai_agents_voice_openinference",
    "gen_ai/openai_chat_span_only",
    "livekit/1.3.3-say_in_tool",
    "livekit/1.7.1-bad_tools",
    "livekit/1.8.9-async_tool",
    "livekit/1.8.9-tool_chain",
    "livekit/1.8.9-handoff",
    "livekit-js/several_says",
    "livekit-js/typed_in_voice",
    "pipecat/barge_in_before_a_word",
    "pipecat/keypad",
    "pipecat/parallel_tools",
    "realtime/azure_voicelive",
    "realtime/openai_agents_openinference",
    "realtime/pydantic_ai",
)


def named(body: Json) -> Iterator[tuple[Json, str | None]]:
    for entry in (*body.get("transcript", ()), *body.get("toolInvocations", ())):
        yield entry, entry.get("payload", {}).get("span_id")


def without_names(body: Json) -> Json:
    for entry, name in named(body):
        if name is not None:
            del entry["payload"]["span_id"]
            if not entry["payload"]:
                del entry["payload"]
    return body


def letters(value: object) -> str:
    return "".join(filter(str.isalnum, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))


@pytest.mark.parametrize("dump", DUMPS)
def test_the_named_span_has_the_words(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, dump: str) -> None:
    """And nothing else of a call differs. Most entries have one span; parts that are joined are named by the first."""
    monkeypatch.setenv("ROARK_PAYLOAD_SPAN_IDS", "true")
    words = {one["span_id"]: letters([one["attributes"], one.get("events") or []]) for one in load(dump)}

    bodies = list(delivered(dump, sandbox).values())

    entries = [pair for body in bodies for pair in named(body)]
    for entry, name in entries:
        assert name is not None, entry
        assert re.fullmatch(r"[0-9a-f]{16}", name)
        if "text" in entry:
            assert letters(entry["text"])[:6] in words[name], (entry, words[name][:500])
        else:
            assert letters(entry["name"]) in words[name], entry
    assert sorted(map(_key, map(without_names, bodies))) == sorted(map(_key, arrived(dump)))


def _key(body: Json) -> str:
    return json.dumps(body, sort_keys=True)
