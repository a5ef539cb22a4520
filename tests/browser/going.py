"""Goes to the pages, and waits until they show what they were opened for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from roark_otel.sandbox import Sandbox

    Visit = Callable[..., Page]

_DRAWN = "() => performance.getEntriesByName('drawn').length > 0"
"""Whether the page of a call has said that it is drawn."""


def open_calls(visit: Visit, sandbox: Sandbox, *, rows: int, after: str = "", **options: Any) -> Page:
    """Opens the list of calls, once it shows this many rows. `after` follows the address."""
    page = visit(f"{sandbox.url}/{after}", **options)
    expect(rows_of(page)).to_have_count(rows)
    return page


def open_call(visit: Visit, sandbox: Sandbox, call_id: str, *, after: str = "", **options: Any) -> Page:
    """Opens the page of a call, once it is drawn. `after` follows the id in the address."""
    page = visit(f"{sandbox.url}/calls/{quote(call_id, safe='')}{after}", **options)
    page.wait_for_function(_DRAWN)
    return page


def open_compare(visit: Visit, sandbox: Sandbox, one: str, other: str, **options: Any) -> Page:
    """Opens two calls beside each other."""
    page = drawn(visit(f"{sandbox.url}/compare?a={quote(one, safe='')}&b={quote(other, safe='')}", **options))
    expect(page.get_by_role("table")).to_be_visible()
    return page


def open_refused(visit: Visit, sandbox: Sandbox, seq: int, **options: Any) -> Page:
    """Opens a refused request."""
    page = visit(f"{sandbox.url}/refused/{seq}", **options)
    page.wait_for_function(_DRAWN)
    return page


def drawn(page: Page) -> Page:
    """Waits for the heading of a page."""
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"\S"))
    return page


def going_on(page: Page) -> Visit:
    """Returns what opens addresses in this page, one after the other: a page of its own for each takes its time."""

    def visit(url: str) -> Page:
        page.goto(url)
        return page

    return visit


def rows_of(page: Page) -> Locator:
    """Returns the rows of calls and refused requests, without those that a filter hides."""
    return page.get_by_role("list", name="calls").locator("li:not([hidden])")


def overflow(page: Page) -> int:
    """Returns by how many pixels a page can be scrolled sideways."""
    found: int = page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth")
    return found


def entries_of(page: Page) -> Locator:
    """Returns the entries of a call, each a button."""
    return page.locator(".list button.row")
