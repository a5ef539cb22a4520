"""A call on paper: all of it, in dark letters on white, without what only a screen can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from browser.filling import LIVEKIT, huge, post
from browser.going import entries_of, open_call, open_calls, overflow

if TYPE_CHECKING:
    from browser.filling import Shown
    from browser.visiting import Visits
    from roark_otel.sandbox import Sandbox


def test_a_call_is_printed(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids[LIVEKIT], dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_role("button", name="light or dark")).to_be_hidden()
    expect(page.locator("header.top")).to_be_hidden()
    expect(entries_of(page).first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert overflow(page) == 0
    assert page.pdf(format="A4").startswith(b"%PDF-")


def test_all_of_a_long_call_is_printed(visit: Visits, sandbox: Sandbox) -> None:
    page = open_call(visit, sandbox, post(sandbox, huge("long", 600)))
    assert entries_of(page).count() < 600
    page.pdf(format="A4")
    expect(page.get_by_text("This is what was said as number 599.")).to_be_attached()


def test_the_list_is_printed(visit: Visits, shown: Shown) -> None:
    page = open_calls(visit, shown.sandbox, rows=len(shown.ids) + 1)
    page.emulate_media(media="print")
    expect(page.get_by_role("link", name="usual", exact=True)).to_be_visible()
    assert overflow(page) == 0
