"""Pipecat 1.x: what the spans of its own tracing say, of pipelines of services and of speech-to-speech models.

    conversation                the call; two seconds of silence after its end
    `- turn                     an exchange: how long it lasted, how long the customer waited
       |- stt                   the words of the customer; ends so long after the last of them as its `ttfb` says
       |- llm                   a model was asked: the whole history, the prompt, what it wrote
       |- tts                   the words that the agent was going to say; the first byte of them
       |- llm_request           the same of a speech-to-speech model: the history
       |- llm_response          the words that it said
       `- llm_tool_call, llm_tool_result      tools, of Gemini Live only

No span says what was heard of an interrupted reply, which tools were used, or what the customer entered by keypad or
keyboard: that stands only in the history that goes to the model with a later call, in the shape of whichever provider.
Of each history only what is new is decoded.
No span says either when the agent fell silent: turns do, where a timer or a barge-in closed them.

`names` is the vocabulary, `marks` what stands in histories and is never spoken. `reader` keeps what counts of each
span, as `stretches`, and has `talk` put it together. `messages` and `history` read histories, `threads` says what each
adds: `asked` and `unwritten` find in it what the customer said that no span has, `mentioned_tools` what was used.
`customer` and `replies` say what was said, `voices` who wrote it, `heard` how much of it was heard, `turns` and `pace`
when, `tools` what was used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._model.dialect import Dialect
from roark_otel._model.reading import text
from roark_otel.dialects.heard import names as heard
from roark_otel.dialects.pipecat import names
from roark_otel.dialects.pipecat.privacy import HARMLESS, WORDS

if TYPE_CHECKING:
    from roark_otel._model.dialect import Reader, Warn


def _reader(warn: Warn) -> Reader:
    from roark_otel.dialects.pipecat.reader import PipecatReader

    return PipecatReader(warn)


PIPECAT: Dialect = Dialect(
    name="pipecat",
    reader=_reader,
    scopes=names.SCOPES | {names.HEARD_SCOPE},
    attributes=(*names.ATTRIBUTES, heard.PREFIX),
    roots=frozenset({names.CONVERSATION}),
    live=True,
    own_id=lambda attributes, _: text(attributes.get(names.CONVERSATION_ID)),
    yields=True,
    words=WORDS,
    harmless=HARMLESS,
    distributions={"pipecat": "pipecat-ai"},
    cures={
        "content": "they are left out, or named otherwise by this version of Pipecat: let the instrumentation listen "
        "(ROARK_INSTRUMENT, roark_otel.instrument())",
        "realtime": "no span of Pipecat has the customer's words where the speech-to-speech model does not transcribe: "
        "switch its transcription on, or let the instrumentation listen (ROARK_INSTRUMENT, roark_otel.instrument())",
    },
)
"""Reads the spans of `pipecat-ai`, open ones too: some never end, with the customer's last words on them."""
