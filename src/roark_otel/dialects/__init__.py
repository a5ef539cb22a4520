"""The dialects: one folder for each source of spans, none of which knows another.

For a dialect of your own, `roark_otel.types` has the values that it is made of, and this module what reads attributes.
"""

from roark_otel._model.dialect import Dialect
from roark_otel._model.reading import flag, json_object, json_or_text, json_value, number, text
from roark_otel._model.times import time_ns
from roark_otel.dialects.gen_ai import GEN_AI
from roark_otel.dialects.livekit import LIVEKIT
from roark_otel.dialects.openinference import OPENINFERENCE
from roark_otel.dialects.pipecat import PIPECAT
from roark_otel.dialects.roark import ROARK

__all__ = [
    "DIALECTS",
    "GEN_AI",
    "LIVEKIT",
    "OPENINFERENCE",
    "PIPECAT",
    "ROARK",
    "flag",
    "json_object",
    "json_or_text",
    "json_value",
    "number",
    "text",
    "time_ns",
]

DIALECTS: tuple[Dialect, ...] = (ROARK, LIVEKIT, PIPECAT, OPENINFERENCE, GEN_AI)
"""The dialects that are read by default, highest first: where two report one fact, the first one wins."""
