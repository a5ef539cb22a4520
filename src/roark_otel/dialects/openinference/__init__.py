"""The OpenInference conventions, as its instrumentations speak them."""

from roark_otel.dialects.openinference.reader import OpenInferenceReader
from roark_otel.types import Dialect

OPENINFERENCE: Dialect = Dialect(
    name="openinference",
    reader=OpenInferenceReader,
    prefixes=("openinference.", "llm.input_messages.", "llm.output_messages."),
    live=True,
    generic=True,
)
"""What any span says with a kind of OpenInference's. It has no roots: chat apps speak it too, and a chat is no call."""
