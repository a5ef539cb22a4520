"""LiveKit Agents, 1.3 to 1.8: what the spans of its own tracer say.

    agent_session               the call; what closed it, who called, the room
    |- start_agent_activity     which agent has the floor from now on
    |- user_turn                the words of the customer, once they are committed
    |  `- user_speaking         when they were spoken
    |- agent_turn               the words of the agent, as they were heard in its last step
    |  |- llm_node              a step: the words as they were written, the tools that were asked for
    |  |- agent_speaking        when they were spoken; a step without it was thrown away
    |  `- function_tool         a tool that ran
    |- session_close            why
    job_shutdown                why, of the job around it

Everything is there more than once: what the customer said stands on the customer's turn, on the agent's turn that
answers it and in every history after it. Here the customer's turns, the agent's turns and the tools count, and
everything else only helps them out. Before 1.8.2 an agent's turn has one step, before 1.4 `say()` has none. The names
of attributes with content begin with `lk.pii.` since 1.7, with `lk.` before.

`names` is the vocabulary. `reader` keeps what counts of each span and puts it together; `turns` says what was said,
`tools` and `values` what was used, `facts` what is true of the whole call, `speeds` how fast everything was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.dialect import Dialect
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.facts import own_id
from roark_otel.dialects.livekit.privacy import HARMLESS, WORDS

if TYPE_CHECKING:
    from roark_otel._model.dialect import Reader, Warn


def _reader(warn: Warn) -> Reader:
    from roark_otel.dialects.livekit.reader import LiveKitReader

    return LiveKitReader(warn)


LIVEKIT: Dialect = Dialect(
    name="livekit",
    reader=_reader,
    scopes=frozenset({names.SCOPE}),
    spans=names.SPANS,
    attributes=names.ATTRIBUTES,
    roots=frozenset({names.AGENT_SESSION}),
    own_id=own_id,
    words=WORDS,
    harmless=HARMLESS,
    distributions={names.SCOPE: "livekit-agents"},
    # Its provider may be another one than the global one.
    setters=(
        ("livekit.agents.telemetry.traces", "set_tracer_provider"),
        ("livekit.agents.telemetry", "set_tracer_provider"),
    ),
)
"""Reads the spans of `livekit-agents`, which filters private content when a span ends: open spans are never read."""
