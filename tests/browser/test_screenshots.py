"""The pictures of the pages, for README and the docs. `make screenshots` writes them to docs/images."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from browser.filling import LIVEKIT, play_demo, post, recorded, refuse, send_spans, usual
from browser.going import entries_of, open_call, open_calls, open_compare
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from browser.visiting import Visits
    from roark_otel.sandbox import Sandbox

IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1280, "height": 860}
SCALE = 1.5
COLOURS, EXACT = 256, 160
"""A page has few colours: those that fill it are kept exactly, and the rest are what the edges of letters need."""

OTHERS = {
    "reception-to-billing": "livekit-1.8.9-handoff 0",
    "barge-in-twice": "livekit-1.8.9-interruption 0",
    "model-down": "livekit-1.8.9-llm_error 0",
    "tool-raises": "livekit-1.8.9-tool_raises 0",
    "three-turns": "livekit-1.8.9-three_turns 0",
}
"""Calls that were recorded of frameworks, under the names that they have here."""

MOST_BYTES = 150_000

Ids = dict[str, str]


def fill(sandbox: Sandbox, spool: Path) -> Ids:
    """Sends the calls of the demo, one that differs a little from another, and a request that is refused."""
    found = {body["externalId"]: body for body in recorded()}
    others = [{**found[recording], "externalId": name} for name, recording in OTHERS.items()]
    before, after = usual("order-1042"), usual("order-1043")
    after["transcript"][1]["text"] = "Where is my bicycle lamp?"
    after["transcript"][2] |= {"startOffsetMs": 4_350, "endOffsetMs": 5_600, "payload": {"interrupted": True}}
    after["properties"] |= {"response_latency_p50_ms": 1_350, "response_latency_max_ms": 1_350}
    after["toolInvocations"][0]["result"] = {"error": "the warehouse did not answer"}
    ids = {}
    for number, body in enumerate((*others, before, after)):
        of_call = {"roark.external_id": body["externalId"]}
        send_spans(
            sandbox, {"traceId": f"{number + 1:032x}", "spanId": "ab" * 8, "name": "call", "attributes": of_call}
        )
        ids[body["externalId"]] = post(sandbox, body)
    refuse(sandbox, {**usual("order-1044"), "interfaceType": "FAX", "startedAt": "yesterday"})
    return {**ids, **play_demo(sandbox, spool)}


def one_call(visit: Visits, sandbox: Sandbox, ids: Ids, **how: Any) -> Page:
    """Opens the call of the demo at the entry that shows the most: a wait with its stages."""
    page = open_call(visit, sandbox, ids[LIVEKIT], **how)
    page.wait_for_function("() => document.querySelector('audio').readyState > 0")
    entries_of(page).filter(has_text="One moment, let me look that up.").click()
    expect(page.locator(".side")).to_contain_text("Why the customer waited")
    expect(page.locator(".lanes .wave, .lanes svg").first).to_be_visible()
    return page


PICTURES: dict[str, Callable[[Visits, Sandbox, Ids], Page]] = {
    "calls": lambda visit, sandbox, ids: open_calls(visit, sandbox, rows=len(ids) + 1, device_scale_factor=SCALE),
    "call-light": lambda visit, sandbox, ids: one_call(visit, sandbox, ids, device_scale_factor=SCALE),
    "call-dark": lambda visit, sandbox, ids: one_call(visit, sandbox, ids, dark=True, device_scale_factor=SCALE),
    "compare": lambda visit, sandbox, ids: open_compare(
        visit, sandbox, ids["order-1042"], ids["order-1043"], device_scale_factor=SCALE
    ),
}


def palette_of(picture: Image.Image) -> Image.Image:
    """Returns the colours for a picture, as one that has them for its palette."""
    often = [colour for _, colour in sorted(picture.getcolors(1 << 24), reverse=True)[:EXACT]]
    others = picture.quantize(COLOURS - EXACT, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in often for part in colour] + others)
    return palette


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_the_pages(visit: Visits, sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    """A picture is small and has something on it. With `UPDATE_DOCS` it becomes the one of the docs."""
    page = PICTURES[name](visit, sandbox, fill(sandbox, tmp_path))
    page.set_viewport_size(SIZE)
    page.mouse.move(0, 0)
    foot = page.locator(".foot").bounding_box()
    assert foot is not None
    seen = {"x": 0, "y": 0, "width": SIZE["width"], "height": min(SIZE["height"], int(foot["y"] + foot["height"]) + 20)}
    taken = Image.open(io.BytesIO(page.screenshot(clip=seen, animations="disabled", caret="hide"))).convert("RGB")
    written = io.BytesIO()
    taken.quantize(palette=palette_of(taken), dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    assert taken.size[0] == int(SIZE["width"] * SCALE)
    assert len(taken.getcolors(1 << 24)) > COLOURS
    assert len(written.getvalue()) < MOST_BYTES
    if os.environ.get("UPDATE_DOCS"):
        IMAGES.mkdir(exist_ok=True)
        (IMAGES / f"{name}.png").write_bytes(written.getvalue())
    assert (IMAGES / f"{name}.png").is_file()
