"""What OpenTelemetry loads of this package in every process: its entry points, which cost nothing without a key.

`opentelemetry-instrument` loads the instrumentor of each installed package, and the SDK a sampler by its name. These
import `roark_otel`, which takes a quarter of a second, only where it has something to do. They cannot be a part of it:
to import a part is to import the whole.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    ParentBasedTraceIdRatio,
    Sampler,
    TraceIdRatioBased,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.sampling import SamplingResult
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

_FIXED: Final[Mapping[str, Sampler]] = {
    "always_on": ALWAYS_ON,
    "always_off": ALWAYS_OFF,
    "parentbased_always_on": DEFAULT_ON,
    "parentbased_always_off": DEFAULT_OFF,
}
_OF_RATIO: Final[Mapping[str, Callable[[float], Sampler]]] = {
    "traceidratio": TraceIdRatioBased,
    "parentbased_traceidratio": ParentBasedTraceIdRatio,
}
_ENGINES: Final = "roark_otel._engine.registry"


def has_key(environ: Mapping[str, str] = os.environ) -> bool:
    """Returns whether an environment holds a key, or a variable that was perhaps meant to, which is then logged."""
    return any(_is_like_a_key(name) and value.strip() for name, value in environ.items())


def _is_like_a_key(name: str) -> bool:
    is_ours = name.startswith("ROARK_") and name != "ROARK_EXTERNAL_ID_KEYS"
    return is_ours and any(word in name for word in ("KEY", "API", "TOKEN"))


def sampler(argument: str | None = None) -> Sampler:
    """Makes the sampler of `OTEL_TRACES_SAMPLER=roark`: see `roark_otel._setup.sampler.sampler_from_argument`."""
    if not has_key():
        return _UntilThereIsAnEngine(argument)
    from roark_otel._setup.sampler import sampler_from_argument

    return sampler_from_argument(argument)


def file_sampler(**options: object) -> Sampler:
    """Makes the sampler `roark` of a config file (`sampler: {roark: {}}`).

    Args:
        **options: `delegate`, as `OTEL_TRACES_SAMPLER_ARG` has it, which holds where there is none. Versions of
            `opentelemetry-configuration` so far pass no options.
    """
    delegate = options.get("delegate", os.environ.get("OTEL_TRACES_SAMPLER_ARG"))
    return sampler(None if delegate is None else str(delegate))


def delegate_of(argument: str | None) -> Sampler:
    """Makes the sampler that `OTEL_TRACES_SAMPLER_ARG` names.

    Args:
        argument: A ratio such as `0.1`, which means `parentbased_traceidratio:0.1`; or one of OpenTelemetry's own names
            (`always_off`, `parentbased_always_on` and so on), those with a ratio as `traceidratio:0.1`. Default:
            `parentbased_always_on`, like the SDK's; also for anything else, which is logged.
    """
    name = (argument or "parentbased_always_on").strip().lower()
    if name in _FIXED:
        return _FIXED[name]
    kind, colon, ratio = name.partition(":")
    try:
        # TraceIdRatioBased raises ValueError for a number that is not a ratio.
        return _OF_RATIO[kind](float(ratio)) if colon else ParentBasedTraceIdRatio(float(name))
    except (KeyError, ValueError):
        logging.getLogger("roark_otel").warning(
            "OTEL_TRACES_SAMPLER_ARG is neither a ratio from 0 to 1 nor the name of a sampler; "
            "using parentbased_always_on"
        )
        return DEFAULT_ON


class _UntilThereIsAnEngine(Sampler):
    """Samples as its delegate does, and as `RoarkSampler` does from the first processor with a key in code on."""

    def __init__(self, argument: str | None) -> None:
        self._argument = argument
        self._now = delegate_of(argument)
        self._is_ours = False

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Returns what the sampler of now decides."""
        if not self._is_ours and (registry := sys.modules.get(_ENGINES)) is not None and registry.engines():
            self._is_ours = True
            from roark_otel._safety.late_imports import importing  # the registry has loaded it

            with importing():
                from roark_otel._setup.sampler import RoarkSampler

                self._now = RoarkSampler(self._now)
        return self._now.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """Returns the description of the sampler of now."""
        return self._now.get_description()
