"""The values of a call that its spans leave open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roark_otel._model.moments import Agent
from roark_otel._model.rows import LARGEST_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._linking.recording_template import Template


def _not_installed(_framework: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Defaults:
    """The app's settings for its calls.

    `with_content` False: no text, argument, result, prompt or payload gets into a call. `version_of` returns the
    installed version of a framework. `sample_ratio` is the share of calls that are sent. `properties_allow` are the
    only properties of spans that may be sent, in snake_case; None allows all.

    `names_spans`: entries and tool invocations name the span that they were taken from. `names_heard_spans`: also a
    span that an instrumentation of this package wrote, which the app's exporters may not get.
    """

    interface_type: str | None = None
    call_direction: str | None = None
    agent: Agent = field(default_factory=Agent)
    recording_url: str | None = None
    recording_template: Template | None = None
    with_content: bool = True
    version_of: Callable[[str], str | None] = _not_installed
    sample_ratio: float = 1.0
    properties_allow: frozenset[str] | None = None
    names_spans: bool = False
    names_heard_spans: bool = False

    def named_span(self, span_id: int) -> str | None:
        """Returns how a moment's span is named, by its 16 hex digits; None if it is not."""
        known = -span_id if span_id < 0 and self.names_heard_spans else span_id
        return f"{known & LARGEST_ID:016x}" if known > 0 and self.names_spans else None
