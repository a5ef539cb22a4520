"""The values that `call_attributes` puts into the current context, under a private key that no propagator carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry import context as otel_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

_KEY = otel_context.create_key("roark-call-attributes")
_NOTHING: Mapping[str, object] = {}

in_use: list[bool] = []
"""Not empty once `call_attributes` was used: until then capture need not look into the context of every span."""


class ContextAttributes:
    """The values that `call_attributes` puts into a context. A context cannot be changed, this can: see `take_back`."""

    __slots__ = ("_before", "values")

    def __init__(self, values: Mapping[str, object], before: Mapping[str, object]) -> None:
        self.values = values
        self._before = before

    def take_back(self) -> None:
        """Restores the values from before, in every context that holds this object."""
        self.values = self._before


def with_call_attributes(values: Mapping[str, object]) -> tuple[Context, ContextAttributes]:
    """Returns the current context with these values added, and the object in it that can be taken back."""
    if not in_use:
        in_use.append(True)
    before = call_attributes_in(None)
    attributes = ContextAttributes({**before, **values}, before)
    return otel_context.set_value(_KEY, attributes), attributes


def call_attributes_in(context: Context | None) -> Mapping[str, object]:
    """Returns the values in a context (None: the current one)."""
    attributes = cast("ContextAttributes | None", otel_context.get_value(_KEY, context))
    return _NOTHING if attributes is None else attributes.values
