"""The resources of spans: the attributes of each, copied once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from roark_otel._capture.sdk_spans import length_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

    from roark_otel._model.vocabulary import Vocabulary

MAX_RESOURCES = 16
"""The most resources that are remembered."""

Known: TypeAlias = "tuple[Resource, Mapping[str, object], bool]"
"""A resource, its attributes, and whether they have an external id."""


class Resources:
    """Remembers the resources of spans: by identity, because that changes with a fork.

    Args:
        vocabulary: What the dialects know together.
    """

    __slots__ = ("_known", "_latest", "_vocabulary")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._known: dict[int, Known] = {}
        self._latest: Known | None = None

    def of(self, span: ReadableSpan) -> Known:
        """Returns what is known of the resource of a span."""
        resource = span.resource
        known = self._latest
        if known is not None and known[0] is resource:
            return known
        known = self._known.get(id(resource))
        if known is None or known[0] is not resource:
            if len(self._known) >= MAX_RESOURCES:
                self._known.clear()
            attributes = {**resource.attributes, **length_limits(span)}
            known = resource, attributes, self._vocabulary.external_id(attributes) is not None
            self._known[id(resource)] = known
        self._latest = known
        return known
