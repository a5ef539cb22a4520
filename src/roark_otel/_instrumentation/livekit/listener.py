"""Hears the public events of one session."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from roark_otel._instrumentation.heard_spans import said
from roark_otel._instrumentation.livekit.hearing import Hearing
from roark_otel._instrumentation.livekit.placing import Place
from roark_otel._instrumentation.livekit.roots import context_of, current_context, root_in
from roark_otel._model import reading
from roark_otel._model.times import time_ns
from roark_otel._safety.guard import guarded
from roark_otel.dialects.heard import names

if TYPE_CHECKING:
    from types import ModuleType

    from opentelemetry.context import Context

_NS: Final = 1_000_000_000
_TYPED: Final = "typed"


class Listener:
    """Hears one session, which holds it: it holds only a weak reference to the session.

    Args:
        session: The session.
        framework: The module `livekit.agents`.
    """

    def __init__(self, session: object, framework: ModuleType) -> None:
        self._session = weakref.ref(session)
        self._framework = framework
        self._context: Context | None = None
        self._hearing: Hearing | None = None
        self._will_settle = False

    def attach(self, session: Any) -> None:  # noqa: ANN401 - whatever the version has
        """Listens to the session's events from now on."""
        session.on("user_state_changed", self._user_state_changed)
        session.on("user_input_transcribed", self._user_input_transcribed)
        session.on("conversation_item_added", self._conversation_item_added)
        session.on("speech_created", self._speech_created)
        session.on("close", self._closed)

    @guarded(None)
    def started(self) -> None:
        """Notes that the session has started in this context, which only counts where the session keeps no other."""
        session = self._session()
        if context_of(session) is None and not hasattr(session, "_root_span_context"):
            self._hear_below(current_context())

    # Events

    @guarded(None)
    def _user_state_changed(self, event: Any) -> None:  # noqa: ANN401
        if (hearing := self._now()) is None:
            return
        if event.new_state == "speaking":
            hearing.began_to_speak(_time_of(event), by_model=self._model_takes_turns())
        elif event.old_state == "speaking":
            hearing.fell_silent(_time_of(event))
        self._settle_soon()

    @guarded(None)
    def _user_input_transcribed(self, event: Any) -> None:  # noqa: ANN401
        item_id = reading.text(getattr(event, "item_id", None))
        if (hearing := self._now()) is None or not (item_id or self._realtime_model()):
            return
        text = (reading.text(event.transcript) or "").strip()
        language = reading.text(getattr(event, "language", None))
        is_final = event.is_final is True
        hearing.transcribed(item_id, text, _time_of(event), language, is_final=is_final)
        if is_final:
            self._settle_soon()

    @guarded(None)
    def _conversation_item_added(self, event: Any) -> None:  # noqa: ANN401
        message = event.item
        text = (reading.text(getattr(message, "text_content", None)) or "").strip()
        if not text or (hearing := self._now()) is None:
            return
        if message.role == "user":
            is_known = hearing.message_of_customer(message.id, text, _started(message))
            if not is_known and self._realtime_model() and getattr(message, "transcript_confidence", None) is None:
                typed = Place(_time_of(message), _time_of(message), is_measured=False)
                hearing.message(names.CUSTOMER_SAID, message.id, said(text, way=_TYPED), typed)
        elif message.role == "assistant" and self._realtime_model():
            is_cut = message.interrupted is True
            hearing.message(names.AGENT_SAID, message.id, said(text, interrupted=is_cut), _spoken(message))

    @guarded(None)
    def _speech_created(self, event: Any) -> None:  # noqa: ANN401
        if (hearing := self._now()) is not None:
            hearing.reply_began(_time_of(event))
            hearing.settle(is_last=True)

    @guarded(None)
    def _closed(self, _event: object) -> None:
        if (hearing := self._hearing) is not None:
            hearing.settle(is_last=True)

    # What is heard now

    def _now(self) -> Hearing | None:
        """Returns what is heard below the present root span, or below the last one; None if that is not recorded."""
        context = context_of(self._session())
        if context is not None and context is not self._context:
            self._hear_below(context)
        return self._hearing

    def _hear_below(self, context: Context | None) -> None:
        if self._hearing is not None:
            self._hearing.settle(is_last=True)
        root = None if context is None else root_in(context, self._framework, self._session)
        self._context, self._hearing = context, None if root is None else Hearing(root)
        self._will_settle = False  # a loop that ended in between has forgotten it

    def _settle_soon(self) -> None:
        """Settles once the framework has emitted all that belongs to an event, or at once where there is no loop."""
        if self._will_settle:
            return
        try:
            asyncio.get_running_loop().call_soon(self._settle)
        except RuntimeError:
            self._settle()
        else:
            self._will_settle = True

    @guarded(None)
    def _settle(self) -> None:
        self._will_settle = False
        if self._hearing is not None:
            self._hearing.settle()

    def _model_takes_turns(self) -> bool:
        """Returns whether the model finds out itself when the customer speaks."""
        return getattr(getattr(self._realtime_model(), "capabilities", None), "turn_detection", False) is True

    def _realtime_model(self) -> object | None:
        """Returns the model that listens to the customer itself: a chain of models has its words on its own spans."""
        session: Any = self._session()
        known = self._framework.llm
        try:
            agents_own = session.current_agent.llm
        except (AttributeError, RuntimeError):  # there is no agent before the start
            agents_own = None
        is_given = isinstance(agents_own, (known.LLM, known.RealtimeModel))
        model: object = agents_own if is_given else getattr(session, "llm", None)
        return model if isinstance(model, known.RealtimeModel) else None


def _time_of(event: object) -> int:
    """Returns when an event or a message was made, in ns since the epoch; now if it does not say."""
    return _ns(getattr(event, "created_at", None)) or time.time_ns()


def _ns(seconds: object) -> int | None:
    known = reading.number(seconds)
    return None if known is None else time_ns(known * _NS)


def _metric(message: object, name: str) -> int | None:
    metrics = getattr(message, "metrics", None)
    return _ns(cast("Mapping[str, object]", metrics).get(name)) if isinstance(metrics, Mapping) else None


def _started(message: object) -> int | None:
    """Returns when a message of the customer began, as the provider says."""
    return _metric(message, "started_speaking_at")


def _spoken(message: object) -> Place:
    """Returns when a message of the agent was heard."""
    start_ns = _metric(message, "started_speaking_at") or _time_of(message)
    return Place(start_ns, max(start_ns, _metric(message, "stopped_speaking_at") or start_ns))
