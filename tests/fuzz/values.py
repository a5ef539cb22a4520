"""Values that spans, files and answers may hold: plain, odd, large, and the messages of models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from support.conversations import GARBAGE
from support.helpers import MS, SECOND, T0

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

SECRET: Final = "quagmire"  # noqa: S105 - a word to look for
"""Stands only where words, arguments and results belong, and must not be in anything that leaves with content off."""

TIMES: SearchStrategy[int] = st.one_of(
    st.integers(0, 20).map(lambda tick: T0 + tick * 100 * MS),
    st.integers(-5, 100_000).map(lambda second: T0 + second * SECOND),
)
ODD_TIMES: SearchStrategy[Any] = TIMES | st.sampled_from([0, -1, 1, T0 // 10**9, T0 // MS, 2**63, 2**64, 10**30])

SAID: SearchStrategy[str] = st.one_of(
    st.sampled_from([f"I say {SECRET}.", f"{SECRET} again", f'"{SECRET}"', f"{SECRET.upper()} {SECRET}", " ", ""]),
    st.text(max_size=20).map(lambda text: f"{text} {SECRET}"),
    st.integers(1, 40).map(lambda times: f"{SECRET} " * (times * 200)),
)
"""What somebody said, or what a tool was given or returned."""

ARGUMENTS: SearchStrategy[Any] = st.one_of(
    st.dictionaries(st.sampled_from(["id", "name", "q"]), SAID, max_size=2), SAID, st.lists(SAID, max_size=2)
)

_TEXT_PARTS: SearchStrategy[Any] = st.one_of(
    st.builds(lambda kind, text: {"type": kind, "text": text}, st.sampled_from(["text", "output_text", 7, None]), SAID),
    st.builds(lambda text: {"type": "text", "content": text}, SAID),
    st.builds(
        lambda kind, name, key, given: {"type": kind, "id": key, "name": name, "arguments": given, "input": given},
        st.sampled_from(["tool_call", "tool_use", "function_call"]),
        st.sampled_from(["lookup", "", None, 3]),
        st.sampled_from(["1", "2", None, 5]),
        ARGUMENTS,
    ),
    st.builds(
        lambda kind, key, given: {"type": kind, "id": key, "tool_use_id": key, "result": given, "content": given},
        st.sampled_from(["tool_call_response", "tool_result"]),
        st.sampled_from(["1", "2", None]),
        ARGUMENTS,
    ),
)

_TOOL_CALLS: SearchStrategy[Any] = st.lists(
    st.builds(
        lambda key, name, given: {"id": key, "type": "function", "function": {"name": name, "arguments": given}},
        st.sampled_from(["1", "2", 7, None]),
        st.sampled_from(["lookup", "book", "", None]),
        ARGUMENTS | ARGUMENTS.map(json.dumps),
    ),
    max_size=3,
)

MESSAGE: SearchStrategy[Any] = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool", "developer", "model", "", None, 3])},
    optional={
        "content": st.one_of(SAID, st.lists(_TEXT_PARTS | SAID, max_size=3), st.none(), st.dictionaries(SAID, SAID)),
        "parts": st.lists(_TEXT_PARTS, max_size=3) | st.none(),
        "tool_calls": _TOOL_CALLS | st.none() | SAID,
        "tool_call_id": st.sampled_from(["1", "2", None, 9]),
        "type": st.sampled_from(["message", "function_call", "function_call_output", 3, None]),
        "call_id": st.sampled_from(["1", "2"]),
        "arguments": ARGUMENTS,
        "output": ARGUMENTS,
        "interrupted": st.booleans() | st.none(),
        "finish_reason": st.sampled_from(["stop", 3, None]),
    },
)
"""One message of a model, in any of its shapes, or in several at once."""

_HISTORY: SearchStrategy[Any] = st.lists(MESSAGE | GARBAGE, max_size=6)
MESSAGES: SearchStrategy[Any] = st.one_of(
    _HISTORY.map(lambda found: json.dumps(found, default=str)),
    _HISTORY.map(lambda found: json.dumps({"items": found, "messages": found}, default=str)),
    _HISTORY.map(lambda found: json.dumps(found, default=str)[:-1]),
    MESSAGE.map(json.dumps),
)
"""The JSON of a history of messages, which may be cut off."""

PLAIN: SearchStrategy[Any] = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**70),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["1", "2", "agent", "user", "", " ", "true", "{}", "[]", "null", "0.5", "2026-11-22T18:32:44Z"]),
    st.lists(st.text(max_size=5), max_size=3),
    st.lists(st.integers(-9, 9), max_size=3),
)
"""What any SDK takes as the value of an attribute."""

JSON_VALUES: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | SAID,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
