"""LiveKit Agents, 1.3 to 1.8: what the spans of its own tracer say.

Its spans repeat themselves: what the customer said stands on the customer's turn, on the agent's turn that answers it
and in every history after it, and what the agent said was generated, sent to the speech model and spoken. Here the
customer's turns, the agent's turns and the tools tell, and everything else only helps them out.

`names` is the vocabulary, `reader` keeps what counts of each span, `turns`, `tools` and `facts` say what it means.
"""

from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.facts import own_id
from roark_otel.dialects.livekit.reader import LiveKitReader
from roark_otel.types import Dialect

LIVEKIT: Dialect = Dialect(
    name="livekit",
    reader=LiveKitReader,
    scopes=frozenset({names.SCOPE}),
    roots=frozenset({names.AGENT_SESSION}),
    own_id=own_id,
)
"""What `livekit-agents` says. It filters private content when a span ends, so an open span is never read."""
