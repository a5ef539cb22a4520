"""A call that was captured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roark_otel._model.times import instant_ns
from roark_otel.pages import document, outline
from roark_otel.pages.file import call_file
from roark_otel.pages.outline import interruptions
from roark_otel.pages.values import entries, part, start, text
from roark_otel.testing.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel.testing.spans import SeenSpan


@dataclass(frozen=True, slots=True)
class Tool:
    """One use of a tool.

    Attributes:
        name: The tool.
        parameters: Its arguments.
        result: What it returned: an object or text; `{"error": …}` if it failed. None: nothing is known.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    result: Any = None


@dataclass(frozen=True)
class CapturedCall:
    """A call, as it would be created at Roark.

    Attributes:
        body: The body of `POST /v1/call`.
        spans: The spans of its traces that have ended, by their start.
    """

    body: Mapping[str, Any]
    spans: tuple[SeenSpan, ...] = ()

    @property
    def external_id(self) -> str:
        """Its external id."""
        return text(self.body, "externalId")

    @property
    def said(self) -> list[tuple[str, str]]:
        """Who said what, in order: `("customer", "Where is A-17?")`."""
        return [(text(one, "role").lower(), text(one, "text")) for one in entries(self.body, "transcript")]

    @property
    def tools(self) -> list[Tool]:
        """The uses of tools, in order."""
        used = sorted(entries(self.body, "toolInvocations"), key=start)
        return [Tool(text(one, "name"), part(one, "parameters"), one.get("result")) for one in used]

    @property
    def answers(self) -> Answers:
        """How long the customer waited for each answer."""
        return Answers(self.body, self.spans, _ns(text(self.body, "startedAt")))

    @property
    def interruptions(self) -> list[str]:
        """What the agent was saying when the customer cut it off."""
        return [text(one, "text") for one in interruptions(self.body)]

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties of the call."""
        return part(self.body, "properties")

    def outline(self, *, times: bool = False) -> str:
        """Returns the call as text that is the same in every run, for snapshots: see `roark_otel.pages.outline`."""
        return outline(self.body, times=times)

    def document(self) -> dict[str, Any]:
        """Returns the call as one JSON document with all that is known of it: see `roark_otel.pages.document`.

        It has the spans that the app's exporters get: those that this package wrote for itself only if an entry names
        them.
        """
        said = (*entries(self.body, "transcript"), *entries(self.body, "toolInvocations"))
        named = {text(part(one, "payload"), "span_id") for one in said}
        shown = [one for one in self.spans if not one.is_ours or f"{one.span_id:016x}" in named]
        started_ns = _ns(text(self.body, "startedAt"))
        return document(self.body, spans=[one.as_json(started_ns) for one in shown])

    def html(self, *, sound: bytes | None = None) -> str:
        """Returns the page of the call as one HTML file, which opens from disk and makes no request.

        Args:
            sound: The bytes of its recording, to be in the file.
        """
        return call_file(self.document(), sound=sound)

    def __repr__(self) -> str:
        """Shows the outline, which is what a failed assertion prints."""
        return f"<call {self.external_id!r}\n{self.outline()}>"


def _ns(started_at: str) -> int:
    try:
        return instant_ns(started_at)
    except ValueError:
        return 0
