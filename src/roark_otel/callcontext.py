"""What `call_attributes` puts into the current context, under a private key that no propagator carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry import context as otel_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

_KEY = otel_context.create_key("roark-call-attributes")
_NOTHING: Mapping[str, object] = {}

in_use: list[bool] = []
"""Not empty once `call_attributes` was used: until then nobody need look into the context of every span."""


def with_call_attributes(values: Mapping[str, object]) -> Context:
    """The current context with these values over those it has."""
    if not in_use:
        in_use.append(True)
    return otel_context.set_value(_KEY, {**call_attributes_in(None), **values})


def call_attributes_in(context: Context | None) -> Mapping[str, object]:
    """The values in a context (None: the current one)."""
    return cast("Mapping[str, object]", otel_context.get_value(_KEY, context) or _NOTHING)
