"""Spans whose attributes repeat what earlier ones held, and the way through a log."""

from __future__ import annotations

import json
import marshal
import random
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st

from roark_otel._open.cutting import Cutter
from roark_otel._open.joining import Joiner
from roark_otel._open.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Span: TypeAlias = tuple[str, dict[str, Any]]
"""A kind of span, and attributes."""


def cut(spans: Iterable[Span], cutter: Cutter) -> list[bytes]:
    rows: list[Any] = [cutter.cut(kind, tuple(named), list(named.values())) for kind, named in spans]
    return [marshal.dumps(row) for row in rows]


def unpacked(row: bytes) -> Any:
    return marshal.loads(row)  # noqa: S302


def through(spans: Iterable[Span], shapes: Shapes | None = None) -> list[int]:
    """Returns the bytes of each span's row, having checked that each comes back exactly."""
    shapes, spans = shapes or Shapes(), list(spans)
    rows = cut(spans, Cutter(shapes))
    joiner = Joiner(shapes)
    for row, (_, named) in zip(rows, spans, strict=True):
        assert exact(joiner.join(unpacked(row))) == exact(named)
    return [len(row) for row in rows]


def exact(named: dict[str, Any]) -> list[Any]:
    """Returns the attributes with types, order, the sign of zero and NaN, all of which `==` ignores."""
    return [(name, value if type(value) is str else repr(value)) for name, value in named.items()]


TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=200) | st.text("ab", max_size=900)


@st.composite
def edited(draw: st.DrawFn) -> list[str]:
    """Texts of which each is made of parts of those before."""
    made = [draw(st.text("ab😀\ud800", min_size=1, max_size=40)) * draw(st.integers(20, 60))]
    for _ in range(draw(st.integers(1, 12))):
        base = draw(st.sampled_from(made))
        begin, end = sorted(draw(st.tuples(*[st.integers(0, len(base))] * 2)))
        before, after = draw(st.tuples(TEXTS, TEXTS))
        made.append(draw(st.sampled_from([base[begin:end], base[:begin] + before + base[end:], before + base + after])))
    return made


def message(number: int, role: str) -> dict[str, str]:
    words = random.Random(f"{role} {number}")  # noqa: S311
    return {"role": role, "content": " ".join("".join(words.choices("abcdefghijklmnop", k=5)) for _ in range(16))}


def history(turns: int, window: int = 1_000_000, first: Callable[[int], str] | None = None) -> Iterator[list[Any]]:
    """Makes what a model is sent in each turn: the last messages, about 100 characters each, below a prompt."""
    spoken: list[dict[str, str]] = []
    for number in range(turns):
        spoken.append(message(number, "user"))
        prompt = [{"role": "system", "content": first(number)}] if first else []
        yield prompt + spoken[-window:]
        spoken.append(message(number, "assistant"))


PROMPT = " ".join(message(number, "system")["content"] for number in range(15))


def as_text(messages: list[dict[str, str]]) -> Span:
    return "llm", {"gen_ai.request.model": "x", "input": json.dumps(messages), "tokens": len(messages)}


def as_context(messages: list[dict[str, str]]) -> Span:
    return "llm_node", {"lk.chat_ctx": json.dumps({"items": messages})}


def as_numbered(messages: list[dict[str, str]], limit: int = 1_000_000) -> Span:
    named: dict[str, Any] = {"llm.model_name": "x"}
    for number, one in enumerate(messages):
        named[f"llm.input_messages.{number}.message.role"] = one["role"]
        named[f"llm.input_messages.{number}.message.content"] = one["content"]
    named["llm.token_count.total"] = len(messages)
    return "ChatCompletion", dict(list(named.items())[-limit:])


def as_128(messages: list[dict[str, str]]) -> Span:
    """As the SDK does it: of many attributes it keeps the last 128."""
    return as_numbered(messages, 128)


def dated(number: int) -> str:
    return f"It is {number % 12 + 1} o'clock on day {number}. {PROMPT}"
