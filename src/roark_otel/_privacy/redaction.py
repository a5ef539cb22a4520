"""Redacts a call before it leaves the process: with patterns first, then with the app's `redact` hook.

Patterns are applied to every moment of a conversation before anything of it is cut or joined. The hook then gets each
utterance, each tool use and the whole call as they would be sent. Where the hook fails, the words are dropped, and the
call is sent without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

from roark_otel._model import reading
from roark_otel._model.moments import Failed, Returned, ToolUse, Unanswered, Utterance
from roark_otel._model.steps import in_steps, no_pause
from roark_otel._privacy.in_moments import InMoments
from roark_otel._privacy.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel._model.call import UnrecordedCall
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.hooks import Redactable
    from roark_otel._model.steps import Pause

FAILED_TEXT: Final = "[redaction failed]"
"""Replaces words that the hook failed to redact."""


@dataclass(frozen=True, slots=True)
class HookFailed:
    """The app's hook raised, or did not answer in time."""


GuardedRedactor: TypeAlias = "Callable[[Sequence[Redactable]], Sequence[object]]"
"""Asks the app's hook for each of several, in one go: its answers in the same order, `HookFailed` where it has none."""

_R = TypeVar("_R", Utterance, ToolUse)


@dataclass(frozen=True, slots=True)
class Withheld:
    """The app's hook returned None for the call: it must not be sent."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """Replaces, drops and withholds what must not be sent. It is as pure as the app's hook is.

    Args:
        patterns: Replaced in every text.
        hook: The app's own hook, guarded.
    """

    patterns: Patterns = field(default_factory=Patterns)
    hook: GuardedRedactor | None = None

    # Patterns

    def conversation(self, conversation: FinishedConversation, pause: Pause = no_pause) -> FinishedConversation:
        """Returns the conversation with every match of the patterns replaced; without patterns, the same one."""
        if not self.patterns:
            return conversation
        found = InMoments(self.patterns.remembering())
        moments = tuple(
            (name, tuple([found.replaced(one) for one in in_steps(said, pause)])) for name, said in conversation.moments
        )
        return replace(conversation, moments=moments)

    # The hook

    def moments(self, moments: Iterable[_R], pause: Pause = no_pause) -> Sequence[_R]:
        """Returns what the hook leaves of utterances or tool uses; without a hook, the same ones."""
        if self.hook is None:
            return moments if isinstance(moments, Sequence) else tuple(moments)
        originals = tuple(moments)
        if not originals:
            return originals
        answers = in_steps(self.hook(originals), pause)
        redacted = (self._redacted(one, answer) for one, answer in zip(originals, answers, strict=True))
        return [kept for kept in redacted if kept is not None]

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


def _utterance(original: Utterance, answer: object) -> Utterance | None:
    """Returns the hook's answer with the original times; None if it is blank; the original without words if invalid."""
    if not isinstance(answer, Utterance):
        return replace(original, text=FAILED_TEXT, payload={})
    text, payload = cast("object", answer.text), cast("object", answer.payload)  # an app may put any value there
    if not isinstance(text, str) or not isinstance(payload, Mapping):
        return replace(original, text=FAILED_TEXT, payload={})
    if not text.strip():
        return None  # blank text is not an utterance
    clean = cast("Mapping[str, object]", reading.json_value(cast("object", payload)))
    return replace(
        answer, text=reading.unicode_text(text), payload=clean, start_ns=original.start_ns, end_ns=original.end_ns
    )


def _tool_use(original: ToolUse, answer: object) -> ToolUse:
    """Returns the hook's answer with the original name and times; the original without words if it is invalid."""
    failed = replace(original, parameters={}, outcome=Unanswered(), description=None)
    if not isinstance(answer, ToolUse):
        return failed
    parameters, outcome = cast("object", answer.parameters), cast("object", answer.outcome)
    if not isinstance(parameters, Mapping) or not isinstance(outcome, (Returned, Failed, Unanswered)):
        return failed
    clean = cast("Mapping[str, object]", reading.json_value(cast("object", parameters)))
    return replace(answer, name=original.name, parameters=clean, start_ns=original.start_ns, end_ns=original.end_ns)


def _valid_call(call: UnrecordedCall, answer: object) -> UnrecordedCall | None:
    """Returns the hook's answer if it is a valid call, else None: changing a copy of a model skips its checks."""
    if not isinstance(answer, type(call)):
        return None
    fields = answer.model_dump(exclude_unset=True, warnings=False) | {"external_id": call.external_id}
    try:
        return type(call).model_validate(fields)
    except ValueError:
        return None


def _without_words(call: UnrecordedCall) -> UnrecordedCall:
    """Returns the call without transcript, arguments, results, prompts, descriptions and texts of properties."""
    fields: dict[str, Any] = call.model_dump(exclude_unset=True)
    fields.pop("transcript", None)
    for use in fields.get("tool_invocations") or ():
        use |= {"parameters": {}, "result": ""}
        use.pop("description", None)
    agents: list[dict[str, Any]] = [one for one in (fields.get("agent"), *(fields.get("agents") or ())) if one]
    for agent in agents:
        agent.pop("description", None)
        agent.pop("prompt", None)
    properties = call.properties or {}
    kept = {name: value for name, value in properties.items() if name == "trace_id" or not isinstance(value, str)}
    fields["properties"] = kept | {"roark_redaction_failed": True}
    return type(call).model_validate(fields)
