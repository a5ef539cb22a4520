"""LiveKit Agents, 1.3 to 1.8 for Python and 1.9 for Node.js: what the spans of its own tracer say.

    agent_session               the call; what closed it, who called, the room
    |- wait_for_audio_track     that audio of the customer came in
    |- start_agent_activity     which agent has the floor from now on
    |- user_turn                the words of the customer, once they are committed
    |  `- user_speaking         when they were spoken
    |- agent_turn               the words of the agent, as they were heard in its last step
    |  |- llm_node              a step: the words as they were written, the tools that were asked for
    |  |- agent_speaking        when they were spoken; a step without it was thrown away
    |  `- function_tool         a tool that ran
    |- session_close            why
    job_shutdown                why, of the job around it
    job_entrypoint              what the app calls its worker

Everything is there more than once: what the customer said stands on the customer's turn, on the agent's turn that
answers it and in every history after it. Here the customer's turns, the agent's turns and the tools count, and
everything else only helps them out. Before 1.8.2 an agent's turn has one step, before 1.4 `say()` has none. The names
of attributes with content begin with `lk.pii.` since 1.7, with `lk.` before. In Node.js a turn has one step too, and
`say()` none: only the history of a later model call has its words.

`names` is the vocabulary. `session_rows` keeps what counts of each span, and `reader` puts it together; `turns` says
what was said, and `customer_side` what of it the customer did; `histories` reads what models are asked with, `spoken`
what only that says; `tools` and `values` say what was used, `facts` what is true of the whole call, `speeds` how fast
everything was, `silence` who did not speak, and `writers` in which language the framework runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.dialect import Dialect
from roark_otel.dialects.heard import names as heard
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
    scopes=frozenset({names.SCOPE, names.HEARD_SCOPE}),
    spans=names.SPANS | heard.SPANS,
    attributes=(*names.ATTRIBUTES, heard.PREFIX),
    roots=frozenset({names.AGENT_SESSION}),
    own_id=own_id,
    words=WORDS,
    harmless=HARMLESS,
    distributions={names.SCOPE: "livekit-agents"},
    cures={
        "content": "LiveKit hides them with LIVEKIT_TELEMETRY_ALLOW_PII=0, allow_pii=False or redaction, or they are "
        "named otherwise by this version; that for Node.js writes no words of say()",
        "realtime": "no span of LiveKit has the customer's words of a speech-to-speech model: let the instrumentation "
        "listen (ROARK_INSTRUMENT, roark_otel.instrument()), and let the model transcribe what it hears",
    },
    # Its provider may be another one than the global one.
    setters=(
        ("livekit.agents.telemetry.traces", "set_tracer_provider"),
        ("livekit.agents.telemetry", "set_tracer_provider"),
    ),
)
"""Reads the spans of `livekit-agents`, which filters private content when a span ends: open spans are never read."""
