"""Hears the frames of one pipeline, each once and at the time when it was pushed."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from roark_otel._instrumentation.pipecat import kinds
from roark_otel._instrumentation.pipecat.agent import AgentVoice, Spoken
from roark_otel._instrumentation.pipecat.audio import Audio
from roark_otel._instrumentation.pipecat.clock import pushed_ns
from roark_otel._instrumentation.pipecat.customer import Customer, Said
from roark_otel._instrumentation.pipecat.ending import Ending
from roark_otel._instrumentation.pipecat.entries import KEYPAD, Keys, Passed
from roark_otel._instrumentation.pipecat.frames import AUDIO, HEARS
from roark_otel._instrumentation.pipecat.joining import Piece, joined
from roark_otel._instrumentation.pipecat.tools import Tools
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.util.types import AttributeValue

    from roark_otel._instrumentation.pipecat.call import Call
    from roark_otel._instrumentation.pipecat.frames import Hears
    from roark_otel._instrumentation.pipecat.kinds import Frame, Pushed

_MOST_IDS: Final = 4_096


class Ears:
    """Hears one pipeline.

    Args:
        call: Where what is heard is written.

    Attributes:
        customer: What the customer says.
        tools: The tools that run.
        ending: Who ends the call.
        keys: The keys that were pressed.
        passed: Words on their way to the context of the model.
        processors: The names of the classes of all processors in the pipeline, as far as it has started.
        speaker: The worker whose reply is spoken now, None if there is but one.
        speaker_of: The same of each context of a speech service.
        is_shown: Whether the reply is to be shown and not spoken.
        shown: What was shown of it.
        audio: When the customer's audio came in.
        has_voice_activity: Whether voice activity is measured.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self.customer = Customer(self._said)
        self.tools = Tools(call.used)
        self.ending = Ending()
        self.keys = Keys()
        self.passed = Passed()
        self.processors: set[str] = set()
        self.speaker: str | None = None
        self.speaker_of: dict[object, str | None] = {}
        self.is_shown = False
        self.shown: list[Piece] = []
        self.audio = Audio()
        self.has_voice_activity = False
        self._voices: dict[object, AgentVoice] = {}
        self._ids: dict[int, None] = {}
        self._last_ns = self._last_words_ns = 0
        self._is_over = self._has_spoken = False
        self._hears: dict[type, Callable[[Pushed], None] | None] = {}

    def hears(self, kind: type) -> Callable[[Pushed], None] | None:
        """Returns what hears frames of a kind, None if they say nothing. It is asked for every frame, audio too."""
        try:
            return self._hears[kind]
        except KeyError:
            name = next((one.__name__ for one in kind.__mro__ if one.__name__ in HEARS or one.__name__ == AUDIO), None)
            hears: Callable[[Pushed], None] | None = None
            if name is not None:
                hears = self.audio.pushed if name == AUDIO else partial(self._hear, HEARS[name])
            self._hears[kind] = hears
            return hears

    @guarded(None)
    def _hear(self, hears: Hears, data: Pushed) -> None:
        if not self._is_over:
            hears(self, data.frame, data, pushed_ns(data))

    @guarded(None)
    def left(self) -> None:
        """Notes that the transport lost the customer."""
        self.ending.left(time.time_ns())

    @guarded(None)
    def finish(self) -> None:
        """Writes what is not written yet. The pipeline is over, or nothing is left of it."""
        if self._is_over:
            return
        now = time.time_ns()
        at_ns = self.ending.cancelled_ns or now
        self.enter_keys(at_ns)
        self.show(at_ns)
        self.customer.over()
        for voice in self._voices.values():
            voice.over(at_ns)
        self.tools.over(self.ending.at_ns or at_ns)
        self._call.end(max(self.ending.at_ns or now, self._last_ns), self._facts())
        self._is_over = True

    def _facts(self) -> dict[str, AttributeValue]:
        """Returns what is known of the whole call."""
        facts: dict[str, AttributeValue] = {}
        if status := self.ending.status(self.tools.last, self._last_words_ns):
            facts["ended_status"] = status
        agent_was_heard, customer_was_heard = bool(self._voices), self.customer.was_heard or bool(self._last_words_ns)
        if (customer_was_heard and not self._last_words_ns) or (agent_was_heard and not self._has_spoken):
            facts["wordless"] = True
        if not agent_was_heard and not self._has_spoken and kinds.OUTPUT in self.processors:
            facts["silent_agent"] = True
        if not customer_was_heard and self.has_voice_activity:
            facts["silent_customer"] = True
        return facts

    def begin(self, at_ns: int) -> None:
        """Begins the call, if it has not begun."""
        self._call.begin(at_ns)

    def is_first(self, frame: Frame) -> bool:
        """Returns whether a frame is heard for the first time. What goes both ways is two frames."""
        if frame.id in self._ids:
            return False
        self._ids[frame.id] = None
        if sibling := getattr(frame, "broadcast_sibling_id", None):
            self._ids[sibling] = None
        while len(self._ids) > _MOST_IDS:
            del self._ids[next(iter(self._ids))]
        return True

    def voice_of(self, frame: Frame) -> AgentVoice:
        """Returns the line that a frame goes to: a transport may have several."""
        line = getattr(frame, "transport_destination", None)
        if (voice := self._voices.get(line)) is None:
            voice = self._voices[line] = AgentVoice(self._spoke)
        return voice

    @property
    def has_voice(self) -> bool:
        """Whether the agent speaks: a model that hears and speaks shows it only when it does."""
        return bool(self._voices) or kinds.SPEECH in self.processors

    def interrupt(self, at_ns: int) -> None:
        """Notes that the agent was interrupted, on all lines."""
        self.show(at_ns)
        for voice in self._voices.values():
            voice.interrupted(at_ns)

    def show(self, at_ns: int) -> None:
        """Writes a reply that was shown and not spoken."""
        text, self.shown = joined(self.shown), []
        if text and (self.is_shown or not self.has_voice):
            self.customer.over()
            self._spoke(Spoken(text, at_ns, at_ns, is_interrupted=False, agent=self.speaker, is_timed=False))

    def other_speaks(self, at_ns: int) -> None:
        """Notes that someone other than the agent speaks."""
        for voice in self._voices.values():
            voice.answered(at_ns)

    def enter(self, said: Said, way: str) -> None:
        """Writes what the customer entered without speaking."""
        self.other_speaks(said.start_ns)
        self.customer.entered(said.end_ns)
        self._last_words_ns = max(self._last_words_ns, said.end_ns)
        self._call.said(said, way)

    def enter_keys(self, at_ns: int) -> None:
        """Writes the keys pressed, where no processor makes words of them."""
        if self.keys.pressed and kinds.KEYPAD not in self.processors:
            self.enter(Said(*self.keys.take(at_ns)), KEYPAD)

    def _said(self, said: Said) -> None:
        self._last_words_ns = max(self._last_words_ns, said.end_ns)
        self._last_ns = max(self._last_ns, said.end_ns)
        self._call.said(said)

    def _spoke(self, spoken: Spoken) -> None:
        self._last_ns = max(self._last_ns, spoken.end_ns)
        self._has_spoken = True
        self._call.spoke(spoken)
