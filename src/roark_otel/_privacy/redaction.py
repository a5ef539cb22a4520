"""Redacts a call before it leaves the process: with patterns first, then with the app's `redact` hook.

Every moment of a conversation is cut to what is sent of it, and a little more, and patterns are applied. The hook
then gets each utterance, each tool use and the whole call as they would be sent. Where the hook fails, the words are
dropped, and the call is sent without them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

from typing_extensions import assert_never

from roark_otel._model import reading
from roark_otel._model.cut_marks import BEYOND, without_margin
from roark_otel._model.moments import (
    Agent,
    Customer,
    Failed,
    Returned,
    ToolUse,
    Unanswered,
    Utterance,
)
from roark_otel._model.steps import in_steps, no_pause
from roark_otel._privacy.in_moments import InMoments
from roark_otel._privacy.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel._model.call import UnrecordedCall
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.hooks import Redactable
    from roark_otel._model.moments import Outcome
    from roark_otel._model.steps import Pause

FAILED_TEXT: Final = "[redaction failed]"
"""Replaces words that the hook failed to redact."""


@dataclass(frozen=True, slots=True)
class HookFailed:
    """The app's hook raised, or did not answer in time."""


GuardedRedactor: TypeAlias = "Callable[[Sequence[Redactable]], Sequence[object]]"
"""Asks the app's hook for each of several, in one go: its answers in the same order, `HookFailed` where it has none."""

Answers: TypeAlias = "dict[object, object]"
"""What the hook has answered about the moments of one conversation, which is read several times."""

_PARTS: Final = frozenset({"transcript", "toolInvocations", "agent", "agents", "customer", "customers", "prompt"})
"""The fields of a body, in Roark's names, that have fields of their own."""

_WORDS: Final = frozenset(
    {"text", "payload", "name", "parameters", "result", "description", "label", "resolvedPrompt", "properties"}
)
"""The fields that hold words."""

_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")

_R = TypeVar("_R", Utterance, ToolUse)
_S = TypeVar("_S", bound="Agent | Customer")


@dataclass(frozen=True, slots=True)
class Withheld:
    """The app's hook returned None for the call: it must not be sent."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """Replaces, drops and withholds what must not be sent. It is as pure as the app's hook is.

    Args:
        patterns: Replaced in every text.
        hook: The app's own hook, guarded.
        answers: What the hook has answered so far; None if it is asked each time.
    """

    patterns: Patterns = field(default_factory=Patterns)
    hook: GuardedRedactor | None = None
    answers: Answers | None = None

    def __bool__(self) -> bool:
        """Returns whether it replaces or asks anything at all."""
        return bool(self.patterns) or self.hook is not None

    def remembering(self, answers: Answers) -> Redaction:
        """Returns a redaction that asks the hook about each moment of a conversation once.

        `answers`: those so far, to which it adds.
        """
        return replace(self, answers=answers)

    # Patterns

    def conversation(self, conversation: FinishedConversation, pause: Pause = no_pause) -> FinishedConversation:
        """Returns the conversation cut to what is sent, with every match of the patterns replaced.

        Without patterns and hook it is the same one, which is cut later.
        """
        if not self:
            return conversation
        margin = 0 if self.hook is None else BEYOND
        found = InMoments(self.patterns.remembering(pause), pause, margin)
        moments = tuple(
            (name, tuple([found.replaced(one) for one in in_steps(said, pause)])) for name, said in conversation.moments
        )
        return replace(conversation, moments=moments)

    def body(self, body: Mapping[str, Any], pause: Pause = no_pause) -> Mapping[str, Any]:
        """Returns the body of a call, in Roark's names, with every match of the patterns replaced in its words."""
        if not self.patterns:
            return body
        return _in_body(body, self.patterns.remembering(pause))

    # The hook

    def moments(self, moments: Iterable[_R], pause: Pause = no_pause) -> Sequence[_R]:
        """Returns what the hook leaves of utterances or tool uses; without a hook, the same ones."""
        if self.hook is None:
            return moments if isinstance(moments, Sequence) else tuple(moments)
        originals = tuple(moments)
        if not originals:
            return originals
        answers = in_steps(self._ask(originals, self.hook), pause)
        redacted = (self._redacted(one, answer) for one, answer in zip(originals, answers, strict=True))
        return [kept for kept in redacted if kept is not None]

    def _ask(self, moments: Sequence[_R], hook: GuardedRedactor) -> Sequence[object]:
        """Asks the hook about moments, each once in a conversation that is read several times."""
        known = self.answers
        if known is None:
            return hook(moments)
        keys = [_key(one) for one in moments]
        new = {key: one for key, one in zip(keys, moments, strict=True) if key not in known}
        found = dict(zip(new, hook(tuple(new.values())), strict=True)) if new else {}
        # One that failed is asked about again.
        known.update({key: answer for key, answer in found.items() if not isinstance(answer, HookFailed)})
        return [found[key] if key in found else known[key] for key in keys]

    def _redacted(self, moment: _R, answer: object) -> _R | None:
        if answer is None:
            return None
        if isinstance(moment, Utterance):
            return _utterance(moment, answer)
        return _tool_use(moment, answer)

    def call(self, call: UnrecordedCall) -> UnrecordedCall | Withheld:
        """Returns what the hook leaves of a call. The hook cannot change its external id."""
        if self.hook is None:
            return call
        (answer,) = self.hook((call,))
        if answer is None:
            return Withheld()
        return _valid_call(call, answer) or _without_words(call)


def _in_body(body: Mapping[str, Any], patterns: Patterns) -> dict[str, Any]:
    """Replaces matches in the words of a body or of a part of it, at any depth of Roark's own fields."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in _WORDS:
            found[name] = patterns.value(value)
            if name == "payload" and isinstance(value, Mapping):
                found[name] |= _span_named(cast("Mapping[str, Any]", value))
        elif name in _PARTS and isinstance(value, list):
            found[name] = [_in_body(one, patterns) for one in cast("list[dict[str, Any]]", value)]
        elif name in _PARTS and isinstance(value, Mapping):
            found[name] = _in_body(cast("Mapping[str, Any]", value), patterns)
        else:
            found[name] = value
    return found


def _span_named(payload: Mapping[str, Any]) -> dict[str, str]:
    """Returns the span that a payload names, unless its id has digits alone: that might be a card."""
    name = payload.get("span_id")
    return {"span_id": name} if isinstance(name, str) and _SPAN_ID.fullmatch(name) and not name.isdigit() else {}


def _key(moment: Utterance | ToolUse) -> object:
    """Returns what distinguishes a moment from others. Its end, which may come later, does not count."""
    if isinstance(moment, Utterance):
        return repr(replace(moment, end_ns=None, timed=True))
    return repr(replace(moment, end_ns=None))


def _utterance(original: Utterance, answer: object) -> Utterance | None:
    """Returns the hook's answer with the original times; None if it is blank; the original without words if invalid."""
    if not isinstance(answer, Utterance):
        return replace(original, text=FAILED_TEXT, payload={})
    text, payload = cast("object", answer.text), cast("object", answer.payload)  # an app may put any value there
    if not isinstance(text, str) or not isinstance(payload, Mapping):
        return replace(original, text=FAILED_TEXT, payload={})
    if not text.strip():
        return None  # blank text is not an utterance
    return replace(
        original,
        speaker=_clean_speaker(original.speaker, answer.speaker),
        text=without_margin(reading.unicode_text(text)),
        language_code=reading.text(cast("object", answer.language_code)),
        payload=_clean(cast("Mapping[str, object]", payload)),
    )


def _tool_use(original: ToolUse, answer: object) -> ToolUse:
    """Returns the hook's answer with the original name and times; the original without words if it is invalid."""
    failed = replace(original, parameters={}, outcome=Unanswered(), description=None)
    if not isinstance(answer, ToolUse):
        return failed
    parameters, outcome = cast("object", answer.parameters), cast("object", answer.outcome)
    if not isinstance(parameters, Mapping) or not isinstance(outcome, (Returned, Failed, Unanswered)):
        return failed
    return replace(
        original,
        parameters=_clean(cast("Mapping[str, object]", parameters)),
        outcome=_clean_outcome(outcome),
        description=reading.text(cast("object", answer.description)),
        agent=_clean_speaker(original.agent, answer.agent),
    )


def _clean(values: Mapping[str, object]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", reading.json_value(values))


def _clean_outcome(outcome: Outcome) -> Outcome:
    match outcome:
        case Returned(value):
            found = reading.json_value(value)
            return Returned(without_margin(found) if isinstance(found, str) else found)
        case Failed(error):
            return Failed(without_margin(reading.text(cast("object", error)) or FAILED_TEXT))
        case Unanswered():
            return outcome
    assert_never(outcome)


def _clean_speaker(original: _S, answer: object) -> _S:
    """Returns the hook's speaker, or an unknown one if it is of another kind, or not described by texts."""
    kind = type(original)
    if isinstance(answer, kind):
        values = [getattr(answer, one.name) for one in fields(kind)]
        if all(isinstance(value, (str, type(None))) for value in values):
            return answer
    return kind()


def _valid_call(call: UnrecordedCall, answer: object) -> UnrecordedCall | None:
    """Returns the hook's answer if it is a valid call, else None: changing a copy of a model skips its checks."""
    if not isinstance(answer, type(call)):
        return None
    try:
        found = answer.model_dump(exclude_unset=True, warnings=False) | {"external_id": call.external_id}
        return type(call).model_validate(_with_clean_values(found))
    except Exception:  # noqa: BLE001 - pydantic raises what the methods of odd values raise
        return None


def _with_clean_values(call: dict[str, Any]) -> dict[str, Any]:
    """Makes the values of a call fit for JSON that its model leaves open."""
    if isinstance(properties := call.get("properties"), Mapping):
        call["properties"] = _clean(cast("Mapping[str, object]", properties))
    for name, inside in (("transcript", ("payload",)), ("tool_invocations", ("parameters", "result"))):
        for entry in call.get(name) or ():
            entry |= {each: reading.json_value(entry[each]) for each in inside if each in entry}
    return call


def _without_words(call: UnrecordedCall) -> UnrecordedCall:
    """Returns the call without transcript, arguments, results, prompts, descriptions and texts of properties."""
    found: dict[str, Any] = call.model_dump(exclude_unset=True)
    found.pop("transcript", None)
    for use in found.get("tool_invocations") or ():
        use |= {"parameters": {}, "result": ""}
        use.pop("description", None)
    agents: list[dict[str, Any]] = [one for one in (found.get("agent"), *(found.get("agents") or ())) if one]
    for agent in agents:
        agent.pop("description", None)
        agent.pop("prompt", None)
    properties = call.properties or {}
    kept = {name: value for name, value in properties.items() if name == "trace_id" or not isinstance(value, str)}
    found["properties"] = kept | {"roark_redaction_failed": True}
    return type(call).model_validate(found)
