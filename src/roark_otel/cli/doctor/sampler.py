"""Checks the sampler: a span that it drops reaches no processor, so a conversation that it drops makes no call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler

from roark_otel.attributes import EXTERNAL_ID
from roark_otel.cli.doctor.config_file import Described
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel.cli.doctor.config_file import ConfigFile

_ABOUT: Final = "sampler"
_ASKED: Final = 1_000
_OF_ALL: Final[Mapping[str, float]] = {
    "always_on": 1.0,
    "parentbased_always_on": 1.0,
    "always_off": 0.0,
    "parentbased_always_off": 0.0,
}
_WITH_RATIO: Final = frozenset({"traceidratio", "parentbased_traceidratio"})
_IN_ENVIRONMENT: Final = "OTEL_TRACES_SAMPLER=roark records every conversation; OTEL_TRACES_SAMPLER_ARG names the other"
_IN_FILE: Final = "`sampler: {roark: {}}` records every conversation; OTEL_TRACES_SAMPLER_ARG names the other"
_IN_CODE: Final = "TracerProvider(sampler=RoarkSampler(…)) records every conversation"


def check_sampler(environ: Mapping[str, str], config: ConfigFile, provider: object) -> list[Finding]:
    """Checks which conversations are recorded.

    Args:
        environ: The environment.
        config: The config file: where there is one, OpenTelemetry reads its own variables no more.
        provider: The current provider, which is asked if it has a sampler.
    """
    if isinstance(sampler := getattr(provider, "sampler", None), Sampler):
        return [_finding(sampler.get_description(), _asked(sampler), _IN_CODE)]
    if isinstance(config, Described):
        return _of_file(config.model)
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    argument = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    if not name:
        return []
    if name == "roark":
        return [Fine(_ABOUT, "roark, which records every conversation")]
    if name in _WITH_RATIO:
        return [_finding(f"{name} {argument}".rstrip(), _ratio(argument), _IN_ENVIRONMENT)]
    return [_finding(name, _OF_ALL[name], _IN_ENVIRONMENT)] if name in _OF_ALL else []


def _finding(name: str, share: float, cure: str) -> Finding:
    if share >= 1.0:
        return Fine(_ABOUT, f"{name}: every conversation is recorded")
    if share <= 0.0:
        return Wrong(_ABOUT, f"{name} drops every span, so no conversation becomes a call", cure)
    seen = f"{name} drops about {100 * (1 - share):.3g} % of conversations, which become no calls"
    return Warned(_ABOUT, seen, cure)


def _asked(sampler: Sampler) -> float:
    """Returns the share of conversations that a sampler records, of some whose trace ids are spread evenly."""
    if type(sampler).__module__.startswith("roark_otel"):
        return 1.0
    step, recorded = 2**64 // _ASKED, 0
    for number in range(_ASKED):
        trace_id = (1 << 64) | (number * step + step // 2)
        result = sampler.should_sample(Context(), trace_id, "conversation", attributes={EXTERNAL_ID: "doctor"})
        recorded += result.decision is not Decision.DROP
    return recorded / _ASKED


def _ratio(argument: str) -> float:
    """Returns a ratio as the SDK reads it: what is none is 1."""
    try:
        ratio = float(argument)
    except ValueError:
        return 1.0
    return ratio if 0.0 <= ratio <= 1.0 else 1.0


def _of_file(model: Any) -> list[Finding]:  # noqa: ANN401 - a class of an optional package
    if model.tracer_provider is None:
        return []
    sampler, parent = model.tracer_provider.sampler, ""
    while (of_parents := getattr(sampler, "parent_based", None)) is not None:
        sampler, parent = of_parents.root, "parent_based "
    if sampler is None:
        return [Fine(_ABOUT, "every conversation is recorded, unless a caller's trace is not sampled")]
    if "roark" in getattr(sampler, "additional_properties", ()):
        return [Fine(_ABOUT, "roark, which records every conversation")]
    for name, share in (("always_on", 1.0), ("always_off", 0.0)):
        if getattr(sampler, name, None) is not None:
            return [_finding(f"{parent}{name}", share, _IN_FILE)]
    if (of_ratio := getattr(sampler, "trace_id_ratio_based", None)) is not None:
        ratio = 1.0 if of_ratio.ratio is None else float(of_ratio.ratio)
        return [_finding(f"{parent}trace_id_ratio_based {ratio:g}", ratio, _IN_FILE)]
    return []
