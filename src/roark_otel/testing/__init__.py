"""What an app's own tests need: its calls, captured in memory, and a local Roark.

    with capture_calls() as calls:
        talk_to_my_agent()
        call = calls.one()

    assert call.said == [("customer", "Where is A-17?"), ("agent", "It was shipped.")]
    call.answers.within(ms=800)

With pytest the fixture `roark_calls` does the same: see `roark_otel.testing.plugin`.
"""

import typing as _typing

from roark_otel.testing.answers import Answer, Answers
from roark_otel.testing.call import CapturedCall, Tool
from roark_otel.testing.capture import CapturedCalls, capture_calls

if _typing.TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

__all__ = ["Answer", "Answers", "CapturedCall", "CapturedCalls", "Sandbox", "Tool", "capture_calls"]


if not _typing.TYPE_CHECKING:  # a misspelt name is an error for type checkers too

    def __getattr__(name: str) -> object:
        if name == "Sandbox":  # needs an extra
            from roark_otel.sandbox import Sandbox

            return Sandbox
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
