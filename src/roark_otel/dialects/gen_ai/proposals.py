"""What the proposals for voice and realtime sessions call things, and how far each has come.

Proposals are pull requests of open-telemetry/semantic-conventions-genai, none of which is merged yet. They are read
where only one meaning is possible, under every name that they had so far:

| proposal | state | what is read |
|---|---|---|
| #390, voice agents | draft, open | `speech_to_text`, `text_to_speech`, `gen_ai.speech.*`, the end reason of a run |
| #394, realtime sessions | in review, open | `realtime_inference`, `user_speech`, parts of the type `transcription` |
| #448, live sessions | draft, open; #394 goes on with it | `generate_live_content` |
| `gen_ai.usage.audio.*`, `gen_ai.output.type` = `speech` | accepted | nothing: they hold no words |

Sessions are events of the log in #394, and spans in what was written before: `realtime_session`, `live_session`.
"""

from typing import Final

TRANSCRIBES: Final = frozenset({"speech_to_text"})
"""A model that is given audio and returns the customer's words (#390)."""

SYNTHESIZES: Final = frozenset({"text_to_speech"})
"""A model that is given the agent's words and returns audio (#390)."""

LANGUAGE: Final = "gen_ai.speech.input.language"
"""The language of what a transcribing model heard (#390). `gen_ai.speech.voice` is no part of a call."""

END_REASONS: Final = ("gen_ai.agent.invocation.end_reason", "gen_ai.conversation.turn.end_reason")
"""How a run of an agent ended (#390); the second name is an earlier one."""

INTERRUPTED: Final = "interrupted"
"""The only end reason that says something of words: the customer spoke before the agent had finished.

`completed` says nothing more, and `session_closed` does not say by whom.
"""

GENERATES: Final = frozenset({"realtime_inference", "generate_live_content", "realtime"})
"""A realtime model speaks, from the beginning of the span to its end (#394; the second name is that of #448).

`realtime` is what Microsoft.Extensions.AI calls it.
"""

HEARS: Final = frozenset({"user_speech", "user_input"})
"""The customer speaks, from the beginning of the span to its end (#394; the second name is an earlier one).

The span has the words where the provider transcribes in time; else they are in the history of a later generation.
"""

SESSIONS: Final = frozenset({"realtime_session", "live_session"})
"""A whole session (names before #394 made events of it). Whose words a span of it holds, no text says."""

CUT_SHORT: Final = frozenset({"interrupted", "cancelled", "canceled", "turn_detected", "client_cancelled"})
"""Reasons why a generation finished that say that it was interrupted, in the words of the providers (#394)."""
