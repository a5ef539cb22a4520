"""Pipecat 1.x: what the spans of its own tracing say, of pipelines of services and of speech-to-speech models.

A `stt` span tells what the customer said, a `tts` span what the agent was going to say, a `turn` span when both spoke.
What the customer heard of an interrupted reply, and every use of a tool, stands only in the history that goes to the
model with a later call, so each history is folded as it arrives and not kept.

`names` is the vocabulary, `messages` and `history` read histories, `rows` keeps what counts of each span and `reader`
fills it; `turns`, `customer`, `heard`, `agent` and `tools` say what it means.
"""

from roark_otel.dialects.pipecat import names
from roark_otel.dialects.pipecat.reader import PipecatReader
from roark_otel.reading import text
from roark_otel.types import Dialect

PIPECAT: Dialect = Dialect(
    name="pipecat",
    reader=PipecatReader,
    scopes=names.SCOPES,
    roots=frozenset({names.CONVERSATION}),
    live=True,
    own_id=lambda attributes, _: text(attributes.get(names.CONVERSATION_ID)),
)
"""What `pipecat-ai` says. Open spans are read too: some never end, with the customer's last words on them."""
