"""The values that `call_attributes` puts into the current context, under a private key that no propagator carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry import context as otel_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

_KEY = otel_context.create_key("roark-call-attributes")
_ROOT_KEY = otel_context.create_key("roark-conversation")
_NOTHING: Mapping[str, object] = {}

made_inert: list[bool] = []
"""Not empty once calls were switched off in this process, or a processor was made without a key: that was said then."""

in_use: list[bool] = []
"""Not empty once `call_attributes` was used: until then capture need not look into the context of every span."""


def note_inert() -> None:
    """Notes that calls were switched off in this process, or that it was logged why a processor makes none."""
    if not made_inert:
        made_inert.append(True)


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
    before = call_attributes_in(None)
    attributes = ContextAttributes({**before, **values}, before)
    return _with(attributes, None), attributes


def only_call_attributes(values: Mapping[str, object], context: Context) -> Context:
    """Returns a context with these values, and none of those that it had."""
    return _with(ContextAttributes(values, _NOTHING), context)


def _with(attributes: ContextAttributes, context: Context | None) -> Context:
    if not in_use:
        in_use.append(True)
    return otel_context.set_value(_KEY, attributes, context)


def call_attributes_in(context: Context | None) -> Mapping[str, object]:
    """Returns the values in a context (None: the current one)."""
    attributes = cast("ContextAttributes | None", otel_context.get_value(_KEY, context))
    return _NOTHING if attributes is None else attributes.values


class ConversationValues(dict[str, object]):
    """The values that the root of a conversation has, which the app describes itself."""

    is_heard = False
    """Whether a processor of this package has looked for them."""


def with_conversation(values: ConversationValues) -> Context:
    """Returns the current context for the root of a conversation that the app describes itself.

    It holds the values that the root has, whole: a processor of the app's may overwrite its attributes, and a limit of
    the SDK may cut them. Only a marked root looks for it.
    """
    return otel_context.set_value(_ROOT_KEY, values)


def conversation_in(context: Context | None) -> Mapping[str, object]:
    """Returns the values of `with_conversation` in a context, and notes in them that they were heard."""
    values = cast("ConversationValues | None", otel_context.get_value(_ROOT_KEY, context))
    if values is None:
        return _NOTHING
    values.is_heard = True
    return values
