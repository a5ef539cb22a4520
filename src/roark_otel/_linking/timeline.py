"""The timeline of a call: utterances and tool uses as entries with offsets in ms from its start, in Roark's names."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, cast

from roark_otel._model.moments import Agent
from roark_otel._model.sizes import MAX_NAME, MAX_TEXT, cut, fitting_parameters, fitting_payload, fitting_result
from roark_otel._model.steps import no_pause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from roark_otel._linking.defaults import Defaults
    from roark_otel._linking.participants import Referring
    from roark_otel._model.moments import ToolUse, Utterance
    from roark_otel._model.steps import Pause

_NS_PER_MS = 1_000_000

_AGENT = ("AGENT", "agent")
_CUSTOMER = ("CUSTOMER", "customer")


@dataclass(frozen=True, slots=True)
class Timeline:
    """Computes offsets from `zero_ns`; what was before it moves to 0."""

    zero_ns: int

    def offset(self, time_ns: int) -> int:
        """Returns the offset in ms, at least 0."""
        return max(0, (time_ns - self.zero_ns) // _NS_PER_MS)

    def entries(self, said: Iterable[tuple[Utterance, int]], reference: Referring | None) -> list[dict[str, object]]:
        """Makes the transcript entries of some utterances. None ends before it starts.

        Args:
            said: The utterances and their ends.
            reference: Returns the reference to a speaker; None if no entry refers to one.
        """
        zero_ns = self.zero_ns
        found: list[dict[str, object]] = []
        for one, end_ns in said:  # no calls here, because this runs for each utterance
            start, end, text = (one.start_ns - zero_ns) // _NS_PER_MS, (end_ns - zero_ns) // _NS_PER_MS, one.text
            if start < 0:
                start = 0
            role, side = _AGENT if isinstance(one.speaker, Agent) else _CUSTOMER
            entry: dict[str, object] = {
                "startOffsetMs": start,
                "endOffsetMs": end if end > start else start,
                "role": role,
                "text": text if len(text) <= MAX_TEXT else cut(text, MAX_TEXT),
            }
            if one.language_code:
                entry["languageCode"] = one.language_code
            if one.payload:
                entry["payload"] = fitting_payload(one.payload, no_pause)
            if reference is not None and (speaker := reference(one.speaker)) is not None:
                entry[side] = speaker
            found.append(entry)
        return found

    def invocation(self, use: ToolUse, reference: Referring | None, pause: Pause) -> dict[str, object]:
        """Makes the tool invocation of a tool use."""
        start = self.offset(use.start_ns)
        found: dict[str, object] = {
            "name": cut(use.name, MAX_NAME),
            "parameters": fitting_parameters(use.parameters, pause),
            "result": fitting_result(use.outcome, pause),
            "startOffsetMs": start,
        }
        if use.end_ns is not None:
            found["endOffsetMs"] = max(start, self.offset(use.end_ns))
        if use.description:
            found["description"] = cut(use.description, MAX_TEXT)
        if reference is not None and (agent := reference(use.agent)) is not None:
            found["agent"] = agent
        return found

    def clamped(self, *several: Sequence[Utterance | ToolUse]) -> Mapping[str, int]:
        """Returns properties that count the moments moved to 0, and by how much if the clocks seem to differ.

        Args:
            several: Moments in order.
        """
        if not any(moments and moments[0].start_ns < self.zero_ns for moments in several):
            return {}
        starts = [moment.start_ns for moments in several for moment in moments]
        before = [self.zero_ns - start for start in starts if start < self.zero_ns]
        skew = int(median(before)) // _NS_PER_MS
        return {"roark_clamped": len(before), **({"roark_clock_skew_ms": skew} if skew > 1000 else {})}


def name_spans(
    moments: Iterable[Utterance | ToolUse], entries: Iterable[dict[str, object]], defaults: Defaults
) -> None:
    """Adds to each entry, as `payload.span_id`, the span that its moment was taken from, where that is known.

    A payload of the app's that has a span id already keeps it.
    """
    for one, entry in zip(moments, entries, strict=True):
        if (name := defaults.named_span(one.span_id)) is not None:
            entry["payload"] = {"span_id": name, **cast("Mapping[str, object]", entry.get("payload", {}))}
            for _, side in (_AGENT, _CUSTOMER):  # whoever it was comes last
                if side in entry:
                    entry[side] = entry.pop(side)
