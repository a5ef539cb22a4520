"""Draws the demo's screen: each call with its timeline, then what to try next."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text
from typing_extensions import assert_never

from roark_otel.cli.counted import counted
from roark_otel.cli.demo.lane import Lane, Marks, marks_for
from roark_otel.cli.demo.timeline import Row, Said, Used, clock, length_ms, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from roark_otel.cli.demo.readback import SeenCall

SNIPPET = """\
from roark_otel import RoarkSpanProcessor, call_attributes

provider.add_span_processor(RoarkSpanProcessor())  # your TracerProvider; reads ROARK_API_KEY
with call_attributes(external_id="call-123", recording_url="https://example.com/call-123.wav"):
    hold_the_conversation()  # every trace that starts in this block belongs to the call
"""

_NEXT = (
    ("roark-otel sandbox", "a local Roark that keeps running, for your own app"),
    ("roark-otel demo --json", "these two calls exactly as they were posted"),
    ("README, examples/", "LiveKit, plain OpenTelemetry, every setting, what happens when Roark is down"),
)

_STYLES = {"agent": "cyan", "customer": "green", "tool": "magenta"}
_READABLE = 110  # the widest heading, however wide the terminal is
_UNWRAPPED = 10_000
_MARGIN = 2
_CLOCK = 8
_WHO = 8
_LABEL = 12
_LANE_FROM = 78  # on a narrower console the words need the room


def show(calls: Sequence[SeenCall], roark_url: str) -> None:
    """Prints the calls.

    Args:
        calls: The calls that Roark has.
        roark_url: Its base URL.
    """
    console = _console()
    screen = _Screen(console)
    screen.paragraph(
        "Two conversations were traced with OpenTelemetry. These are the calls that a local Roark "
        f"({roark_url}) received. Nothing has left this machine."
    )
    for number, call in enumerate(calls, 1):
        screen.heading(f"{number}. {call.title}")
        screen.facts(_facts(call))
        screen.timeline(rows(call))
    screen.heading("Your turn")
    for code in SNIPPET.splitlines():
        screen.line(Text("    " + code if code else "", "bold"))
    screen.line(Text())
    for what, why in _NEXT:
        screen.line(Text.assemble("  ", (f"{what:<24}", "bold"), why))


def _console() -> Console:
    # A pipe has no width to wrap to, so lines stay whole for the program that reads them.
    is_measured = sys.stdout.isatty() or bool(os.environ.get("COLUMNS"))
    return Console(width=None if is_measured else _UNWRAPPED, highlight=False)


class _Screen:
    """Prints lines on a console, with a hanging indent where they wrap."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._marks = marks_for(console.encoding)

    def line(self, text: Text) -> None:
        self._console.print(text, no_wrap=True, overflow="ignore", crop=False)

    def paragraph(self, text: str) -> None:
        self._hanging(Text(), [Text(text)])

    def heading(self, title: str) -> None:
        bar, width = self._marks.bar, min(self._console.width, _READABLE)
        self.line(Text())
        self.line(Text.assemble((f"{bar * 2} {title} ", "bold"), (bar * max(0, width - len(title) - 4), "dim")))
        self.line(Text())

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        for name, value in facts:
            self._hanging(Text.assemble("  ", (f"{name:<{_LABEL}}", "dim")), [Text(value)])
        self.line(Text())

    def timeline(self, happened: Sequence[Row]) -> None:
        width = self._lane_width()
        lane = Lane(length_ms(happened), width, self._marks)
        if width:
            self.line(Text(" " * (_MARGIN + _CLOCK + _WHO + 4) + lane.ends(), "dim"))
        for row in happened:
            who = row.who if isinstance(row, Said) else "tool"
            head = Text.assemble(" " * _MARGIN, (f"{clock(row.when.start_ms):>{_CLOCK}}  ", "dim"))
            head.append(f"{who:<{_WHO}}  ", _STYLES[who])
            if width:
                head.append_text(lane.drawn(row.when, row.over if isinstance(row, Said) else None, _STYLES[who]))
                head.append("  ")
            self._hanging(head, _described(row, self._marks))

    def _lane_width(self) -> int:
        width = min(self._console.width, _READABLE)
        return 0 if width < _LANE_FROM else (width - _MARGIN - _CLOCK - _WHO) // 4

    def _hanging(self, head: Text, paragraphs: Sequence[Text]) -> None:
        room = max(20, self._console.width - head.cell_len)
        lead = head
        for paragraph in paragraphs:
            for wrapped in paragraph.wrap(self._console, room):
                wrapped.rstrip()
                self.line(Text.assemble(lead, wrapped))
                lead = Text(" " * head.cell_len)


def _described(row: Row, marks: Marks) -> list[Text]:
    match row:
        case Said():
            paragraphs = [Text(row.text + (f" {marks.cut}" if row.is_cut else ""))]
            if row.over is not None:
                other = "the customer" if row.who == "agent" else "the agent"
                paragraphs.append(Text(f"{marks.both} barge-in: {row.over.seconds} over {other}", "yellow"))
            return paragraphs
        case Used():
            call = Text.assemble((row.call, "magenta"), "  ", (row.when.seconds, "dim"))
            mark, style = (marks.error, "red") if row.is_error else (marks.result, "")
            return [call, Text(f"{mark} {row.answer}", style)]
        case _:
            assert_never(row)


def _facts(call: SeenCall) -> Iterable[tuple[str, str]]:
    details = call.details
    kind = f"{call.body['interfaceType']} {call.body['callDirection']}"
    yield "call", _joined(details["externalId"], kind, details["endedStatus"])
    for agent in _some(call.body, "agent"):
        yield "agent", _joined(agent.get("name"), agent.get("customId"))
    for customer in _some(call.body, "customer"):
        yield "customer", _joined(customer.get("label"), customer.get("phoneNumberE164"))
    yield "recording", details["recordingUrl"]
    yield "properties", ", ".join(f"{name}={value}" for name, value in details["properties"].items())
    for trace_id, spans in call.traces.items():
        yield "trace", f"{trace_id}, linked, {counted(spans, 'span')}"


def _some(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [body[name]] if name in body else list(body.get(f"{name}s", ()))


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)
