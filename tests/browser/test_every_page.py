"""What holds for every page: no finding of axe, nothing beside the screen, on a phone and a desktop, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from browser.auditing import findings
from browser.filling import LIVEKIT, PLAIN
from browser.going import drawn, entries_of, going_on, open_call, open_calls, open_compare, open_refused, overflow
from browser.visiting import WIDTHS

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from browser.filling import Shown
    from browser.visiting import Visits
    from roark_otel.sandbox import Sandbox

_CALLS = (LIVEKIT, PLAIN, "usual", "nothing said", "no words", "without an id", "warned", "livekit-1.8.9-handoff 0")
_PAGES: dict[str, Callable[..., Page]] = {
    "calls": lambda visit, shown, **how: open_calls(visit, shown.sandbox, rows=len(shown.ids) + 1, **how),
    **{
        name: lambda visit, shown, name=name, **how: open_call(visit, shown.sandbox, shown.ids[name], **how)
        for name in _CALLS
    },
    "refused": lambda visit, shown, **how: open_refused(visit, shown.sandbox, shown.refused, **how),
    "compare": lambda visit, shown, **how: open_compare(
        visit, shown.sandbox, shown.ids[PLAIN], shown.ids[LIVEKIT], **how
    ),
}

_PHONE, _DESKTOP = WIDTHS
ways = pytest.mark.parametrize(
    ("width", "dark"), [(_PHONE, True), (_DESKTOP, False)], ids=["phone, dark", "desktop, light"]
)


@ways
@pytest.mark.parametrize("name", _PAGES)
def test_every_page_can_be_used(visit: Visits, shown: Shown, name: str, width: int, dark: bool) -> None:
    page = _PAGES[name](visit, shown, width=width, dark=dark)
    assert overflow(page) == 0
    assert findings(page) == []


@pytest.mark.parametrize(("width", "dark"), [(_PHONE, False), (_DESKTOP, True)], ids=["phone, light", "desktop, dark"])
@pytest.mark.parametrize("name", ["calls", LIVEKIT, "compare"])
def test_the_other_ways_too(visit: Visits, shown: Shown, name: str, width: int, dark: bool) -> None:
    test_every_page_can_be_used(visit, shown, name, width, dark)


@ways
def test_all_that_opens_can_be_used(visit: Visits, shown: Shown, width: int, dark: bool) -> None:
    """The entry that is picked, all that is folded away, and the keys."""
    page = open_call(visit, shown.sandbox, shown.ids[LIVEKIT], width=width, dark=dark)
    entries_of(page).filter(has_text="One moment").click()
    for part in page.locator(".below > details > summary").all():
        part.click()
    expect(page.locator(".below > details[open]")).to_have_count(page.locator(".below > details").count())
    assert overflow(page) == 0
    assert findings(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert findings(page) == []


@ways
def test_pages_without_calls_can_be_used(visit: Visits, sandbox: Sandbox, width: int, dark: bool) -> None:
    visit.watch.excuse("404")
    go = going_on(visit.tab(width=width, dark=dark))
    for path in ("/", "/calls/none", "/refused/7", "/compare"):
        page = go(sandbox.url + path)
        expect(page.get_by_role("main")).not_to_be_empty()
        page.wait_for_load_state("load")
        assert overflow(page) == 0, path
        assert findings(page) == [], path


def test_light_and_dark_are_chosen_and_remembered(visit: Visits, shown: Shown) -> None:
    page = open_calls(visit, shown.sandbox, rows=len(shown.ids) + 1)
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="light or dark").click()
    dark = page.evaluate(background)
    assert dark != light
    page.goto(f"{shown.sandbox.url}/calls/{shown.ids[LIVEKIT]}")
    assert page.evaluate(background) == dark
    assert drawn(visit(shown.sandbox.url + "/", dark=True)).evaluate(background) == dark


def test_the_whole_page_is_reached_by_keyboard(visit: Visits, shown: Shown) -> None:
    """The first stop leads past the bar; every stop can be seen."""
    page = open_call(visit, shown.sandbox, shown.ids["usual"])
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    expect(page.locator(":focus")).to_be_in_viewport()
    stops = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        stops.add(page.evaluate("document.activeElement.innerText.slice(0, 40) || document.activeElement.tagName"))
    assert any("Where is my order?" in one for one in stops)
    assert any("Everything as it was posted" in one for one in stops)
