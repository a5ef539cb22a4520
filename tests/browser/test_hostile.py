"""What strangers write stays text, in every place that a page shows it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from browser.filling import post, refuse, send_spans
from browser.going import drawn, entries_of, going_on, open_call, open_calls, open_compare, open_refused, overflow
from browser.hostile import MARKUP, TEXTS, everywhere
from browser.visiting import WIDTHS

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from browser.visiting import Visits
    from roark_otel.sandbox import Sandbox

_UNSEEN = [*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]


def harmless(page: Page) -> None:
    """Checks that no element came of a text, no link leads to a script or another site, no control is in the page."""
    expect(page.locator("#planted, img, iframe, object, embed, base, form:not([method=dialog])")).to_have_count(0)
    links = page.evaluate("[...document.querySelectorAll('[href], [src]')].map((one) => one.href || one.src)")
    assert not [
        one for one in links if not one.startswith(("http://127.0.0.1:", "data:,", "https://recordings.example.com/"))
    ]
    assert page.evaluate(
        "[...document.querySelectorAll('*')].every((one) => ![...one.attributes].some((a) => /^on/.test(a.name)))"
    )
    text = page.evaluate("document.documentElement.innerText + document.title")
    assert not set(map(ord, text)).intersection(_UNSEEN)
    assert overflow(page) == 0


@pytest.mark.parametrize(("name", "width"), list(zip(TEXTS, itertools.cycle(WIDTHS), strict=False)))
def test_a_hostile_text_stays_a_text(visit: Visits, sandbox: Sandbox, name: str, width: int) -> None:
    text = TEXTS[name]
    call_id = post(sandbox, everywhere(text, text))
    other = post(sandbox, everywhere("other", f"{text} "))
    refuse(sandbox, {**everywhere(text, text), "interfaceType": text, "startedAt": text})
    send_spans(
        sandbox,
        {"spanId": "ab" * 8, "name": text, "attributes": {"roark.external_id": text, text: text}},
        scope=text,
        resource={text: text},
    )
    go = going_on(visit.tab(width=width))
    page = open_calls(go, sandbox, rows=3)
    harmless(page)
    page = open_call(go, sandbox, call_id)
    for number in range(4):
        entries_of(page).nth(number).click()
        harmless(page)
    for part in page.locator("summary").all():
        part.click()
    harmless(page)
    if text.isprintable() and "  " not in text:
        assert page.get_by_role("heading", level=1).inner_text() == text
        assert page.locator(".list .words").nth(1).inner_text() == text
    harmless(open_compare(go, sandbox, call_id, other))
    harmless(open_refused(go, sandbox, 3))


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_address(visit: Visits, sandbox: Sandbox, name: str) -> None:
    """By its external id a call has an address too; and what is looked for is in the address of the list."""
    quoted = quote(TEXTS[name], safe="")
    post(sandbox, everywhere("usual", "usual"))
    visit.watch.excuse("40")  # 404, or 400 for what no address can hold
    go = going_on(visit.tab())
    harmless(go(f"{sandbox.url}/calls/none-{quoted}"))
    page = go(f"{sandbox.url}/calls/{quoted}#{quoted}")
    harmless(page)
    page = drawn(go(f"{sandbox.url}/?search={quoted}&filter={quoted}#{quoted}"))
    harmless(page)
    page = go(f"{sandbox.url}/compare?a={quoted}&b={quoted}#{quoted}")
    expect(page.get_by_role("alert")).to_be_visible()
    harmless(page)


def test_text_that_turns_around_does_not_turn_its_neighbours(visit: Visits, sandbox: Sandbox) -> None:
    """Words from right to left are isolated: the time and the speaker stay on their left."""
    hebrew = "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd 17"
    page = open_call(visit, sandbox, post(sandbox, everywhere(hebrew, hebrew)))
    entry = entries_of(page).first
    boxes = [entry.locator(part).bounding_box() for part in (".at", ".who", ".body")]
    lefts = [box["x"] for box in boxes if box is not None]
    assert len(lefts) == 3
    assert lefts == sorted(lefts)
    isolated = "(one) => getComputedStyle(one.closest('bdi, [dir=auto]')).unicodeBidi"
    assert entry.locator(".words").evaluate(isolated) == "isolate"
    assert page.get_by_role("heading", level=1).evaluate(isolated) == "isolate"


def test_markup_that_is_searched_for(visit: Visits, sandbox: Sandbox) -> None:
    call_id = post(sandbox, everywhere("usual", MARKUP))
    page = open_call(visit, sandbox, call_id)
    page.get_by_role("searchbox").fill("<script>alert")
    expect(page.locator("[aria-current=true]")).to_contain_text(MARKUP)
    harmless(page)
    page = open_calls(visit, sandbox, rows=1)
    page.get_by_role("searchbox").fill(MARKUP)
    expect(page.get_by_text("1 request, all shown")).to_be_visible()
    harmless(page)
    page.get_by_role("searchbox").fill(f"{MARKUP}?")
    expect(page.get_by_text("no word, id, number or tool")).to_be_visible()
    harmless(page)
