"""A request that Roark refused: the fields, where they stand in what was posted, and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from browser.filling import refuse, usual
from browser.going import entries_of, going_on, open_calls, open_refused
from browser.hostile import MARKUP

if TYPE_CHECKING:
    from browser.filling import Json
    from browser.visiting import Visits
    from roark_otel.sandbox import Sandbox


def test_the_fields_and_the_answer(visit: Visits, sandbox: Sandbox) -> None:
    body = usual("refused")
    body["transcript"][1]["startOffsetMs"] = "soon"
    refuse(sandbox, {**body, "interfaceType": "FAX"})
    page = open_refused(visit, sandbox, 1)
    expect(page.get_by_role("heading", level=1)).to_have_text("refused")
    expect(page.get_by_text("✕ refused, 4")).to_be_visible()
    expect(page.locator(".issues")).to_contain_text("interfaceType")
    expect(entries_of(page).filter(has_text="Where is my order?")).to_contain_text("transcript[1].startOffsetMs")
    expect(page.get_by_text("Save as file")).to_have_count(0)
    page.get_by_text("The request's headers, and the answer").click()
    expect(page.locator("details[open]").last).to_contain_text("user-agent")
    assert "any-key" not in page.content()


def test_what_is_no_call_at_all(visit: Visits, sandbox: Sandbox) -> None:
    strange: list[Json] = [
        {},
        {"externalId": {"a": [1]}},
        {"transcript": {"0": "words"}, "toolInvocations": 3, "properties": [], "agents": "none"},
        {"transcript": [None, 1, "a", [], {"text": MARKUP, "role": MARKUP, "startOffsetMs": -1}]},
        {"transcript": [{"text": "words", "role": "AGENT", "startOffsetMs": 1e300, "endOffsetMs": "x"}]},
        {MARKUP: MARKUP, "interfaceType": MARKUP, "startedAt": MARKUP, "recordingUrl": f"javascript:{MARKUP}"},
        {"recordingUrl": "javascript:alert(1)"},
        {"externalId": MARKUP * 100},
    ]
    for number, body in enumerate(strange, 1):
        refuse(sandbox, body)
        page = open_refused(visit, sandbox, number)
        expect(page.get_by_text("✕ refused, 4")).to_be_visible()
        expect(page.locator("#planted, img")).to_have_count(0)
        assert page.evaluate("[...document.links].every((one) => /^https?:/.test(one.href))")
    open_calls(visit, sandbox, rows=len(strange))


def test_one_that_is_not_here(visit: Visits, sandbox: Sandbox) -> None:
    visit.watch.excuse("404")
    go = going_on(visit.tab())
    for number in ("1", "0", "-1", "1e9", "9" * 400, "%E0%A4%A", "x"):
        page = go(f"{sandbox.url}/refused/{number}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("This call is not here")
