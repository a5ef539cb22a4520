"""What of a call may leave the process: patterns over everything that was said, and the app's own word on the rest.

Patterns come first, over every moment of a conversation before anything of it is cut or joined. The app's `redact` hook
then sees each utterance, each tool use and the whole call as they would be sent. Where it fails, the words are dropped
and not the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

from typing_extensions import assert_never

from roark_otel._model import reading
from roark_otel._model.moments import Agent, Customer, Fact, Failed, Returned, ToolUse, Unanswered, Utterance
from roark_otel._privacy.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roark_otel._model.call import UnrecordedCall
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.hooks import Redactable
    from roark_otel._model.moments import Moment, Outcome

FAILED_TEXT: Final = "[redaction failed]"
"""What stands in the place of words that the hook failed to redact."""


@dataclass(frozen=True, slots=True)
class HookFailed:
    """The app's hook raised."""


GuardedRedactor: TypeAlias = "Callable[[Redactable], object]"
"""The app's hook, which answers `HookFailed` where it would raise."""

_R = TypeVar("_R", Utterance, ToolUse)


@dataclass(frozen=True, slots=True)
class Withheld:
    """The app does not want this call to be sent."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is replaced, dropped and withheld. Pure as far as the app's hook is.

    Args:
        patterns: What is replaced in every text.
        hook: The app's own hook, guarded.
    """

    patterns: Patterns = field(default_factory=Patterns)
    hook: GuardedRedactor | None = None

    # Patterns

    def conversation(self, conversation: FinishedConversation) -> FinishedConversation:
        """The conversation with everything replaced that patterns find in it."""
        if not self.patterns:
            return conversation
        moments = tuple((name, tuple(map(self._moment, said))) for name, said in conversation.moments)
        return replace(conversation, moments=moments)

    def _moment(self, moment: Moment) -> Moment:
        match moment:
            case Utterance():
                return replace(
                    moment,
                    speaker=self._agent(moment.speaker) if isinstance(moment.speaker, Agent) else moment.speaker,
                    text=self.patterns.text(moment.text),
                    payload=self._object(moment.payload),
                )
            case ToolUse():
                return replace(
                    moment,
                    parameters=self._object(moment.parameters),
                    outcome=self._outcome(moment.outcome),
                    description=self._text(moment.description),
                    agent=self._agent(moment.agent),
                )
            case Fact():
                return self._fact(moment)
        assert_never(moment)

    def _fact(self, fact: Fact) -> Fact:
        if isinstance(fact.value, Agent):
            return replace(fact, value=self._agent(fact.value))
        if isinstance(fact.value, Customer) or not fact.name.startswith("property."):
            return fact
        return replace(fact, value=cast("str | int | float | bool", self.patterns.value(fact.value)))

    def _agent(self, agent: Agent) -> Agent:
        if agent.prompt is None and agent.description is None:
            return agent
        return replace(agent, prompt=self._text(agent.prompt), description=self._text(agent.description))

    def _outcome(self, outcome: Outcome) -> Outcome:
        match outcome:
            case Returned(value):
                return Returned(self.patterns.value(value))
            case Failed(error):
                return Failed(self.patterns.text(error))
            case Unanswered():
                return outcome
        assert_never(outcome)

    def _text(self, text: str | None) -> str | None:
        return None if text is None else self.patterns.text(text)

    def _object(self, value: Mapping[str, object]) -> Mapping[str, object]:
        return cast("Mapping[str, object]", self.patterns.value(value))

    # The hook

    def moments(self, told: Iterable[_R]) -> list[_R]:
        """What the hook leaves of utterances or tool uses."""
        if self.hook is None:
            return list(told)
        return [kept for one in told if (kept := self._asked(one, self.hook)) is not None]

    def _asked(self, told: _R, hook: GuardedRedactor) -> _R | None:
        answer = hook(told)
        if answer is None:
            return None
        if isinstance(told, Utterance):
            return _utterance(told, answer)
        return _tool_use(told, answer)

    def call(self, call: UnrecordedCall) -> UnrecordedCall | Withheld:
        """What the hook leaves of a call; its id is the same whatever the hook says."""
        if self.hook is None:
            return call
        answer = self.hook(call)
        if answer is None:
            return Withheld()
        return _sound_call(call, answer) or _without_words(call)


def _utterance(told: Utterance, answer: object) -> Utterance | None:
    """The answer, if it can be sent; the times are those that it had."""
    if not isinstance(answer, Utterance):
        return replace(told, text=FAILED_TEXT, payload={})
    text, payload = cast("object", answer.text), cast("object", answer.payload)  # nobody checked what an app put there
    if not isinstance(text, str) or not isinstance(payload, Mapping):
        return replace(told, text=FAILED_TEXT, payload={})
    if not text.strip():
        return None  # words that nobody can see are none
    clean = cast("Mapping[str, object]", reading.json_value(cast("object", payload)))
    return replace(answer, text=reading.unicode_text(text), payload=clean, start_ns=told.start_ns, end_ns=told.end_ns)


def _tool_use(told: ToolUse, answer: object) -> ToolUse:
    """The answer, if it can be sent; the times are those that it had."""
    failed = replace(told, parameters={}, outcome=Unanswered(), description=None)
    if not isinstance(answer, ToolUse):
        return failed
    parameters, outcome = cast("object", answer.parameters), cast("object", answer.outcome)
    if not isinstance(parameters, Mapping) or not isinstance(outcome, (Returned, Failed, Unanswered)):
        return failed
    clean = cast("Mapping[str, object]", reading.json_value(cast("object", parameters)))
    return replace(answer, name=told.name, parameters=clean, start_ns=told.start_ns, end_ns=told.end_ns)


def _sound_call(call: UnrecordedCall, answer: object) -> UnrecordedCall | None:
    """The answer, if it is a call that can be sent: whoever changes a copy of a model skips its checks."""
    if not isinstance(answer, type(call)):
        return None
    fields = answer.model_dump(exclude_unset=True, warnings=False) | {"external_id": call.external_id}
    try:
        return type(call).model_validate(fields)
    except ValueError:
        return None


def _without_words(call: UnrecordedCall) -> UnrecordedCall:
    """The call without a word of anybody: no transcript, arguments, results, prompts or texts of properties."""
    fields: dict[str, Any] = call.model_dump(exclude_unset=True)
    fields.pop("transcript", None)
    for use in fields.get("tool_invocations") or ():
        use |= {"parameters": {}, "result": ""}
        use.pop("description", None)
    agents: list[dict[str, Any]] = [one for one in (fields.get("agent"), *(fields.get("agents") or ())) if one]
    for agent in agents:
        agent.pop("description", None)
        agent.pop("prompt", None)
    told = call.properties or {}
    kept = {name: value for name, value in told.items() if name == "trace_id" or not isinstance(value, str)}
    fields["properties"] = kept | {"roark_redaction_failed": True}
    return type(call).model_validate(fields)
