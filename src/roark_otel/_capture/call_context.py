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


class Told:
    """What `call_attributes` says in a context. Contexts cannot be changed, this can: see `take_back`."""

    __slots__ = ("_before", "values")

    def __init__(self, values: Mapping[str, object], before: Mapping[str, object]) -> None:
        self.values = values
        self._before = before

    def take_back(self) -> None:
        """Says from now on what was said before, in every context that has it."""
        self.values = self._before


def with_call_attributes(values: Mapping[str, object]) -> tuple[Context, Told]:
    """The current context with these values over those it has, and what in it can be taken back."""
    if not in_use:
        in_use.append(True)
    before = call_attributes_in(None)
    told = Told({**before, **values}, before)
    return otel_context.set_value(_KEY, told), told


def call_attributes_in(context: Context | None) -> Mapping[str, object]:
    """The values in a context (None: the current one)."""
    told = cast("Told | None", otel_context.get_value(_KEY, context))
    return _NOTHING if told is None else told.values
