"""The OpenTelemetry GenAI conventions, current and old, as agent frameworks and instrumentations speak them."""

from roark_otel.dialects.gen_ai.names import PREFIX
from roark_otel.dialects.gen_ai.reader import GenAiReader
from roark_otel.types import Dialect

GEN_AI: Dialect = Dialect(name="gen_ai", reader=GenAiReader, prefixes=(PREFIX,), live=True, generic=True)
"""What any span says with a `gen_ai.*` name. It has no roots: chat apps speak it too, and a chat is no call."""
