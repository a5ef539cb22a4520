"""The dialects: one folder for each source of spans, none of which knows another."""

from roark_otel._model.dialect import Dialect
from roark_otel.dialects.gen_ai import GEN_AI
from roark_otel.dialects.livekit import LIVEKIT
from roark_otel.dialects.openinference import OPENINFERENCE
from roark_otel.dialects.pipecat import PIPECAT
from roark_otel.dialects.roark import ROARK

DIALECTS: tuple[Dialect, ...] = (ROARK, LIVEKIT, PIPECAT, OPENINFERENCE, GEN_AI)
"""The dialects that are read unless told otherwise, highest first: where two tell one fact, the first one wins."""
