"""Takes what a completion hook of `opentelemetry-util-genai` is given."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from roark_otel._instrumentation.genai.handing_over import By, hand_over
from roark_otel._instrumentation.genai.writing import written
from roark_otel._safety.guard import guarded
from roark_otel.dialects.gen_ai import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue


@guarded(None)
def take_completion(given: Mapping[str, Any]) -> None:
    """Takes the messages of a model's call, which the hook is given with its span, on the thread of the app.

    Args:
        given: The arguments of `on_completion`: `inputs`, `outputs`, `system_instruction`, `span`, and others that
            are not needed.
    """
    span = given.get("span") or trace.get_current_span()
    within = span.get_span_context()
    if within.is_valid:
        hand_over(By.HOOK, names.DETAILS_EVENT, lambda: _about(given), within, time.time_ns())


def _about(given: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found = {
        names.INPUT: written(given.get("inputs")),
        names.OUTPUT: written(given.get("outputs")),
        names.INSTRUCTIONS: written(given.get("system_instruction")),
    }
    return {name: text for name, text in found.items() if text}
