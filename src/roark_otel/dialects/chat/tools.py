"""Tool uses, each once: from a span of their own or, where there is none, from what messages ask for and answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

from roark_otel._model import reading
from roark_otel._model.moments import Failed, Outcome, Returned, ToolUse, Unanswered
from roark_otel.dialects.chat.shapes import fields_of
from roark_otel.dialects.chat.speech import deserialized

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roark_otel._model.rows import SpanView
    from roark_otel.dialects.chat.shapes import Answer, Call


class Ran(NamedTuple):
    """A tool ran in a span. `agent`: the name of the agent that used it."""

    span_id: int
    parent_id: int | None
    use: ToolUse
    agent: str | None


def parameters(value: object) -> dict[str, object]:
    """What a tool was given; what is not a JSON object gets a name, because parameters have to be one."""
    if value is None or value == "":
        return {}
    try:
        return reading.json_object(value)
    except ValueError:
        written = deserialized(value) if isinstance(value, str) else None
        if isinstance(written, dict):
            return cast("dict[str, object]", written)
        return {"arguments": reading.json_value(value)}


def result(value: object) -> object:
    """What a tool gave back, out of the blocks that some frameworks put it in."""
    found = reading.json_or_text(value)
    if not isinstance(found, list):
        return found
    blocks = cast("list[object]", found)
    inner = [content for one in blocks for content in _content(fields_of(one))]
    if not inner or len(inner) < len(blocks):
        return blocks
    return inner[0] if len(inner) == 1 else inner


def failure(span: SpanView, gave: object, *, is_error: bool = False) -> str | None:
    """What a failed tool says: its result, else its exception, else its status; None if it did not fail."""
    status = cast("object", span.error)  # whether it is ERROR, or its description, however empty
    if not is_error and status is not True and not isinstance(status, str):
        return None
    found = None if gave is None else result(gave)
    words = reading.text(reading.scalar(found)) if found is not None and found != {} else None
    raised = (event.attributes.get("exception.message") for event in span.events if event.name == "exception")
    others = (*raised, status, span.attributes.get("error.type"))
    return words or next((other for one in others if (other := reading.text(one))), "The tool failed.")


def _content(block: Mapping[str, object]) -> list[object]:
    """What a block of a result holds: one value at most."""
    if set(block) <= {"json", "text", "type"}:
        return [block[name] for name in ("json", "text") if name in block][:1]
    return []


class Tools:
    """Gathers tool uses, in any order of spans."""

    __slots__ = ("_answers", "_calls", "_has_runs", "_ran")

    def __init__(self) -> None:
        self._ran: dict[int, Ran] = {}
        self._calls: dict[str, tuple[int, str, str | None, Call]] = {}
        self._answers: dict[str, tuple[int, str, Answer]] = {}
        self._has_runs = False

    def expect_runs(self) -> None:
        """Notes that the source gives every tool a span, so what messages say of tools is not needed."""
        self._has_runs = True
        self._calls.clear()
        self._answers.clear()

    def ran(self, tool: Ran) -> None:
        """A tool ran."""
        self.expect_runs()
        self._ran[tool.span_id] = tool

    def asked(self, at_ns: int, agent: str | None, calls: Iterable[Call]) -> None:
        """A model asked for tools."""
        for call in () if self._has_runs else calls:
            if call.call_id:
                asked = (at_ns, repr(call), agent, call)
                self._calls[call.call_id] = min(asked, self._calls.get(call.call_id, asked), key=lambda one: one[:2])

    def answered(self, at_ns: int, answers: Iterable[Answer]) -> None:
        """A model got what tools gave back."""
        for answer in () if self._has_runs else answers:
            if answer.call_id:
                given = (at_ns, repr(answer), answer)
                self._answers[answer.call_id] = min(
                    given, self._answers.get(answer.call_id, given), key=lambda one: one[:2]
                )

    def uses(self, asked_ns: Mapping[int, int] | None = None) -> list[tuple[ToolUse, str | None]]:
        """Every tool use and the name of its agent.

        Args:
            asked_ns: By the id of a span, when the model asked there for the tools below it, whose own spans only say
                when they were done.
        """
        if self._has_runs:
            began = asked_ns or {}
            return [
                (_begun(tool.use, began.get(tool.parent_id or 0)), tool.agent) for tool in _once(self._ran.values())
            ]
        return [self._asked_use(call_id) for call_id in self._calls]

    def _asked_use(self, call_id: str) -> tuple[ToolUse, str | None]:
        at_ns, _, agent, call = self._calls[call_id]
        answered_ns, _, answer = self._answers.get(call_id, (None, "", None))
        outcome: Outcome = Returned(result(answer.value)) if answer else Unanswered()
        end_ns = None if answered_ns is None else max(at_ns, answered_ns)
        return ToolUse(call.name, at_ns, end_ns, parameters(call.arguments), outcome, call_id), agent


def _begun(use: ToolUse, at_ns: int | None) -> ToolUse:
    return use if at_ns is None or at_ns > use.start_ns else replace(use, start_ns=at_ns)


def _once(ran: Iterable[Ran]) -> list[Ran]:
    """The uses without those that another span reports as well; the outer span says when, both say what."""
    kept: list[Ran] = []
    by_id: dict[str, int] = {}
    by_name: dict[str, list[int]] = {}
    for tool in sorted(ran, key=_outer_first):
        use = tool.use
        same = by_id.get(use.call_id) if use.call_id else None
        if same is None:
            recent = by_name.get(use.name, ())[-8:]
            same = next((index for index in reversed(recent) if _is_same(kept[index], tool)), None)
        if same is None:
            same = len(kept)
            kept.append(tool)
            by_name.setdefault(use.name, []).append(same)
        else:
            kept[same] = kept[same]._replace(use=_joined(kept[same].use, use), agent=kept[same].agent or tool.agent)
        if use.call_id:
            by_id[use.call_id] = same
    return kept


def _outer_first(tool: Ran) -> tuple[int, int, int]:
    use = tool.use
    return use.start_ns, -(use.start_ns if use.end_ns is None else use.end_ns), tool.span_id


def _is_same(one: Ran, other: Ran) -> bool:
    """Whether two spans of tools of one name report one use: one is below the other, or they agree in all they say."""
    if one.use.call_id and other.use.call_id:
        return False
    if one.span_id == other.parent_id or one.parent_id == other.span_id:
        return True
    ends_ns = one.use.start_ns if one.use.end_ns is None else one.use.end_ns
    return one.use.parameters == other.use.parameters and other.use.start_ns < ends_ns


def _joined(one: ToolUse, other: ToolUse) -> ToolUse:
    return replace(
        one,
        end_ns=other.end_ns if one.end_ns is None else one.end_ns,
        parameters=one.parameters or other.parameters,
        outcome=_better(one.outcome, other.outcome),
        call_id=one.call_id or other.call_id,
        description=one.description or other.description,
    )


def _better(one: Outcome, other: Outcome) -> Outcome:
    if isinstance(one, Unanswered) or (isinstance(other, Failed) and not isinstance(one, Failed)):
        return other
    return one
