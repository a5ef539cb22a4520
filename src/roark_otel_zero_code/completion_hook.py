"""The completion hook that `OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK=roark` chooses.

GenAI instrumentations call it with the messages of each model's call, also where they put none on spans.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ENGINES: Final = "roark_otel._engine.registry"


class RoarkCompletionHook:
    """Puts the messages of models into the calls of `RoarkSpanProcessor`, without which it does nothing."""

    _take: Callable[[Mapping[str, Any]], object] | None = None

    def on_completion(self, **given: Any) -> None:  # noqa: ANN401 - as the hook of each version is called
        """Takes the messages of a model's call.

        Args:
            **given: `inputs`, `outputs` and `system_instruction`, and the `span` of the call.
        """
        if (registry := sys.modules.get(_ENGINES)) is None or not registry.engines():
            return
        if self._take is None:
            from roark_otel._safety.late_imports import importing  # the registry has loaded it

            with importing():
                from roark_otel._instrumentation.genai.completions import take_completion

            self._take = take_completion
        self._take(given)
