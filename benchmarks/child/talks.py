"""Whole conversations as apps and frameworks trace them: utterances, tool uses and histories that grow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from shapes import EXTERNAL_ID, below

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span
    from shapes import Attributes

WINDOW = 200
"""The most messages of a history that a framework sends again with each request."""


class Talk:
    """A conversation with an open root. Each turn is two utterances: the customer's and the agent's.

    Args:
        provider: Makes its spans.
        external_id: Its id.
        window: The most messages of its history that a request repeats; None for all of them.
    """

    ROOT = ("an-app", "call")
    SCOPE = "an-app"

    def __init__(self, provider: TracerProvider, external_id: str, window: int | None = WINDOW) -> None:
        scope, name = self.ROOT
        self.root = provider.get_tracer(scope).start_span(name, Context(), attributes={EXTERNAL_ID: external_id})
        self._at_root = below(self.root)
        self._app = provider.get_tracer("an-app")
        self._tracer = provider.get_tracer(self.SCOPE)
        self._turns = provider.get_tracer(self.ROOT[0])
        self._messages: list[str] = []
        self._window = window

    def turn(self, number: int) -> None:
        """Makes the spans of a turn: here one for each utterance."""
        for role, text in (("customer", asked(number)), ("agent", answered(number))):
            span = self._app.start_span("turn", self._at_root)
            span.add_event("roark.transcript", {"role": role, "text": text})
            span.end()

    def tool(self, number: int) -> None:
        """Makes a tool use, as an app says it."""
        span = self._app.start_span("tool", self._at_root)
        words: Attributes = {"name": "look_up", "id": f"use-{number}", "parameters": '{"city": "Zürich"}'}
        span.add_event("roark.tool_invocation", {**words, "result": '{"degrees": 21}'})
        span.end()

    def _history(self) -> str:
        messages = self._messages if self._window is None else self._messages[-self._window :]
        return f"[{', '.join(messages)}]"

    def _span(self, parent: Span | None, name: str, attributes: Attributes | None = None) -> Span:
        context = self._at_root if parent is None else below(parent)
        return self._tracer.start_span(name, context, attributes=attributes)


class PipecatTalk(Talk):
    """The same as Pipecat traces it: a span for the turn, and one for each service in it."""

    ROOT = ("pipecat.turn", "conversation")
    SCOPE = "pipecat"

    def turn(self, number: int) -> None:
        """Makes a turn with its three services; the language model's shows the history."""
        turn = self._turns.start_span("turn", self._at_root, attributes={"turn.number": number})
        self._span(turn, "stt", {"transcript": asked(number), "is_final": True, "metrics.ttfb": 0.2}).end()
        self._messages.append(json.dumps({"role": "user", "content": asked(number)}))
        attributes: Attributes = {"input": self._history(), "output": answered(number)}
        self._span(turn, "llm", {**attributes, "gen_ai.usage.input_tokens": 900, "metrics.ttfb": 0.3}).end()
        self._messages.append(json.dumps({"role": "assistant", "content": answered(number)}))
        self._span(turn, "tts", {"text": answered(number), "voice_id": "a-voice", "metrics.ttfb": 0.1}).end()
        turn.set_attributes({"turn.duration_seconds": 3.1, "turn.was_interrupted": False})
        turn.end()


class LiveKitTalk(Talk):
    """The same as LiveKit Agents traces it: 15 spans for a turn in which the agent asks its model twice."""

    ROOT = ("livekit-agents", "agent_session")
    SCOPE = "livekit-agents"

    def turn(self, number: int) -> None:
        """Makes the customer's turn, and the agent's with its requests."""
        user = self._span(None, "user_turn")
        for name in ("user_speaking", "eou_wait", "on_user_turn_completed"):
            self._span(user, name, {"lk.agent_label": "an-agent"}).end()
        user.set_attributes({"lk.pii.user_transcript": asked(number), "lk.transcript_confidence": 0.9})
        user.end()
        self._remember("user", asked(number))
        agent = self._span(None, "agent_turn", {"lk.speech_id": f"speech_{number}", "lk.generation_id": f"s{number}_1"})
        self._request(agent, "")
        self._request(agent, answered(number))
        node = self._span(agent, "tts_node", {"lk.response.ttfb": 0.1})
        request = self._span(node, "tts_request", {"lk.pii.input_text": answered(number), "lk.tts_metrics": "{}"})
        self._span(request, "tts_request_run", {"lk.retry_count": 0}).end()
        request.end()
        node.end()
        self._span(agent, "agent_speaking").end()
        agent.set_attributes({"lk.pii.user_input": asked(number), "lk.pii.response.text": answered(number)})
        agent.set_attribute("lk.interrupted", False)
        agent.end()
        self._remember("assistant", answered(number))

    def _request(self, agent: Span, text: str) -> None:
        node = self._span(agent, "llm_node", {"lk.pii.response.text": text, "lk.response.ttft": 0.3})
        attributes: Attributes = {"gen_ai.input.messages": self._history(), "gen_ai.request.model": "a-model"}
        request = self._span(node, "llm_request", {**attributes, "gen_ai.operation.name": "chat"})
        self._span(request, "llm_request_run", {"lk.retry_count": 0}).end()
        request.end()
        node.end()

    def _remember(self, role: str, text: str) -> None:
        self._messages.append(json.dumps({"role": role, "parts": [{"type": "text", "content": text}]}))


TALKS = {"plain": Talk, "pipecat": PipecatTalk, "livekit": LiveKitTalk}


def asked(number: int) -> str:
    """Returns what the customer says in this turn."""
    return f"Sentence {number} of the customer in a conversation on the telephone."


def answered(number: int) -> str:
    """Returns what the agent says in this turn."""
    return f"Answer {number} of the agent, which is about as long as a spoken sentence."
