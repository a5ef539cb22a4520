"""Calls of hours: little is in the page at once, and every entry is reached. `benchmarks/pages.py` measures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from browser.filling import call, huge, post, said
from browser.going import entries_of, open_call, open_compare, overflow

if TYPE_CHECKING:
    from browser.visiting import Visits
    from roark_otel.sandbox import Sandbox

ENTRIES = 5_000
MOST_ELEMENTS = 8_000


def test_five_thousand_entries(visit: Visits, sandbox: Sandbox) -> None:
    page = open_call(visit, sandbox, post(sandbox, huge("of hours", ENTRIES)))
    elements = "document.querySelectorAll('*').length"
    assert page.evaluate(elements) < MOST_ELEMENTS
    expect(page.locator(".overview canvas")).to_be_visible()
    page.keyboard.press("0")
    expect(page.locator(".lanes canvas")).to_be_visible()
    assert page.evaluate(elements) < MOST_ELEMENTS
    for _ in range(5):
        page.keyboard.press("j")
    expect(page.locator("[aria-current=true]")).to_contain_text("number 4.")
    page.keyboard.press("i")
    expect(page.locator("[aria-current=true]")).to_contain_text("number 14.")
    page.get_by_role("searchbox").fill("number 4777.")
    expect(page.locator("[aria-current=true]")).to_contain_text("number 4777.")
    expect(page.locator("[aria-current=true]")).to_be_in_viewport()
    assert page.evaluate(elements) < MOST_ELEMENTS
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(entries_of(page).filter(has_text="number 4999.")).to_be_attached()
    page.evaluate("scrollTo(0, 0)")
    expect(entries_of(page).filter(has_text="number 0.")).to_be_visible()
    assert page.evaluate(elements) < MOST_ELEMENTS
    assert overflow(page) == 0


def test_a_million_characters_whose_directions_alternate(visit: Visits, sandbox: Sandbox) -> None:
    """A browser that lays all of them out is busy for minutes."""
    words = "\u202e\u0627 a1 " * 160_000
    entry = said("AGENT", words, 0, 900, words=[{"text": words, "startOffsetMs": 0}])
    body = call("one line", entry, said("CUSTOMER", "Yes.", 1_000, 2_000), properties={"line": words})
    first = post(sandbox, body)
    page = open_call(visit, sandbox, first)
    expect(entries_of(page).first).to_contain_text("… (940,000 more characters)")
    page.keyboard.press("j")
    expect(page.locator("[aria-current=true]")).to_contain_text("Yes.")
    page.evaluate("document.querySelectorAll('.below details').forEach((one) => { one.open = true; })")
    expect(page.locator(".below")).to_contain_text("more characters)")
    body["externalId"], entry["text"] = "another line", words.replace("a1", "b2", 1)
    page = open_compare(visit, sandbox, first, post(sandbox, body))
    expect(page.locator(".pair.differs")).to_contain_text("more characters)")


def test_a_window_of_a_long_call_is_moved_and_zoomed(visit: Visits, sandbox: Sandbox) -> None:
    page = open_call(visit, sandbox, post(sandbox, huge("of hours", 1_200)))
    pane = page.locator(".overview .pane")
    expect(pane).to_be_visible()

    def place() -> tuple[float, float]:
        box = pane.bounding_box()
        assert box is not None
        return box["x"], box["width"]

    first = place()
    page.keyboard.press("-")
    assert place()[1] > first[1]
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert place()[1] < first[1]
    page.keyboard.press("0")
    assert place()[1] > 10 * first[1]
    page.keyboard.press("+")
    page.get_by_role("searchbox").fill("number 1100.")
    assert place()[0] > first[0]
