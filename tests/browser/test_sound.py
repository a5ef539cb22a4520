"""The sound of a call in step with its entries: played, sought, and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from browser.filling import LIVEKIT, PLAIN
from browser.going import entries_of, open_call

if TYPE_CHECKING:
    from browser.filling import Shown
    from browser.visiting import Visits

AUDIO = "document.querySelector('audio')"


def test_sound_is_played_in_step_with_the_entries(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids[LIVEKIT])
    page.get_by_role("button", name="play").click()
    page.wait_for_function(f"() => {AUDIO}.currentTime > 0.4")
    expect(page.locator(".words .word.heard").first).to_be_attached()
    page.keyboard.press("Space")
    page.wait_for_function(f"() => {AUDIO}.paused")
    expect(page.get_by_role("button", name="play")).to_be_visible()
    expect(page.locator("[aria-current=true]")).to_contain_text("Lakeside Bicycles")


def test_an_entry_is_heard_from_its_start(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids[LIVEKIT])
    page.wait_for_function(f"() => {AUDIO}.readyState > 0")
    entries_of(page).filter(has_text="Thursday is too late").click()
    page.wait_for_function(f"() => Math.abs({AUDIO}.currentTime - 12.3) < 0.2")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"() => Math.abs({AUDIO}.currentTime - 11.3) < 0.2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => Math.abs({AUDIO}.currentTime - 13.3) < 0.2")
    page.get_by_role("button", name="play").click()
    page.wait_for_function(f"() => {AUDIO}.currentTime > 13.4 && ({AUDIO}.pause(), true)")
    expect(page.locator("[aria-current=true]")).to_contain_text("Thursday is too late")


def test_sound_plays_on_into_the_next_entry(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids[LIVEKIT], after="#t=5.900")
    page.wait_for_function(f"() => {AUDIO}.readyState > 0 && {AUDIO}.currentTime > 5")
    page.keyboard.press("Space")
    current = "document.querySelector('[aria-current=true]')?.textContent"
    page.wait_for_function(f"() => ({current} ?? '').includes('One moment') && ({AUDIO}.pause(), true)")
    expect(page.locator("[aria-current=true]")).to_contain_text("One moment")


def test_a_moment_of_the_timeline_is_heard(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids[PLAIN])
    page.wait_for_function(f"() => {AUDIO}.readyState > 0")
    box = page.locator(".lanes").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 12)
    page.wait_for_function(f"() => {AUDIO}.currentTime > 5")


def test_sound_that_cannot_be_decoded_leaves_the_lanes(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids[LIVEKIT])
    page.route("**/recordings/**", lambda route: route.fulfill(body=b"not sound at all", content_type="audio/ogg"))
    page.reload()
    expect(page.get_by_text("cannot be")).to_be_visible()
    expect(page.locator(".lanes svg, .lanes canvas").first).to_be_visible()
    expect(entries_of(page)).to_have_count(9)
