"""A call as one file: opened from the disk it shows what the page showed, and asks for nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from browser import hostile
from browser.auditing import findings
from browser.filling import LIVEKIT, huge, post
from browser.going import drawn, entries_of, open_call, overflow
from browser.visiting import WIDTHS

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from browser.filling import Shown
    from browser.visiting import Visits
    from roark_otel.sandbox import Sandbox


def saved(page: Page, folder: Path, link: str = "Save as file") -> Path:
    """Saves the call that a page shows."""
    with page.expect_download() as coming:
        page.get_by_role("link", name=link, exact=True).click()
    file = folder / coming.value.suggested_filename
    coming.value.save_as(file)
    return file


def from_disk(visit: Visits, file: Path, **options: Any) -> Page:
    """Opens a file, and sees that it asks for nothing else."""
    before = len(visit.watch.requests)
    page = drawn(visit(file.as_uri(), **options))
    assert visit.watch.requests[before:] == [file.as_uri()]
    return page


@pytest.mark.parametrize(
    ("width", "dark"), [(WIDTHS[0], True), (WIDTHS[1], False)], ids=["phone, dark", "desktop, light"]
)
def test_a_file_shows_what_the_page_showed(visit: Visits, shown: Shown, tmp_path: Path, width: int, dark: bool) -> None:
    served = open_call(visit, shown.sandbox, shown.ids[LIVEKIT])
    page = from_disk(visit, saved(served, tmp_path), width=width, dark=dark)
    assert page.title() == served.title()
    assert entries_of(page).all_inner_texts() == entries_of(served).all_inner_texts()
    page.keyboard.press("j")
    expect(page.locator("[aria-current=true]")).to_contain_text("Hi, I ordered a lamp")
    page.get_by_text("Everything as it was posted").click()
    expect(page.locator("details[open] pre")).to_contain_text('"externalId": "demo-livekit-call"')
    expect(page.get_by_text("Save as file")).to_have_count(0)
    assert overflow(page) == 0
    assert findings(page) == []


def test_a_file_is_named_after_its_call_and_small(visit: Visits, shown: Shown, tmp_path: Path) -> None:
    file = saved(open_call(visit, shown.sandbox, shown.ids[LIVEKIT]), tmp_path)
    assert file.name == "demo-livekit-call.html"
    assert file.stat().st_size < 240_000


def test_a_browser_that_unpacks_nothing_says_so(visit: Visits, shown: Shown, tmp_path: Path) -> None:
    page = from_disk(visit, saved(open_call(visit, shown.sandbox, shown.ids[LIVEKIT]), tmp_path))
    page.add_init_script("delete globalThis.DecompressionStream")
    page.reload()
    expect(page.locator("body")).to_contain_text("This browser is too old")


def test_a_file_with_sound_plays_it(visit: Visits, shown: Shown, tmp_path: Path) -> None:
    """`make test-pages` keeps this file in `build/calls`, for whoever wants to see one."""
    folder = Path(os.environ.get("CALL_FILES") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    served = open_call(visit, shown.sandbox, shown.ids[LIVEKIT])
    page = from_disk(visit, saved(served, folder, "with sound"))
    page.get_by_role("button", name="play").click()
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0.2")
    page.get_by_role("button", name="pause").click()
    entries_of(page).nth(5).click()
    page.wait_for_function("() => document.querySelector('audio').currentTime > 8")


@pytest.mark.parametrize("name", hostile.TEXTS)
def test_hostile_calls_in_files(visit: Visits, sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    """Here the server writes the title and the whole document into HTML."""
    text = hostile.TEXTS[name]
    served = open_call(visit, sandbox, post(sandbox, hostile.everywhere(text, text)))
    file = saved(served, tmp_path)
    assert re.fullmatch(r"[^/\\\x00-\x1f\x7f]+\.html", file.name)
    page = from_disk(visit, file)
    assert page.title() == served.title()
    assert entries_of(page).all_inner_texts() == entries_of(served).all_inner_texts()
    expect(page.locator("#planted, img, iframe")).to_have_count(0)
    assert page.locator("script").count() == served.locator("script").count() + 3  # the call, packed and unpacked


def test_a_long_call_in_a_file(visit: Visits, sandbox: Sandbox, tmp_path: Path) -> None:
    page = from_disk(visit, saved(open_call(visit, sandbox, post(sandbox, huge("long", 2_000))), tmp_path))
    page.keyboard.press("End")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.get_by_text("This is what was said as number 1999.")).to_be_attached()
