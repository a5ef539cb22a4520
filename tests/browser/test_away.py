"""The sandbox goes away and comes back: pages say so, keep what they show, and go on by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import expect

from browser.filling import post, usual
from browser.going import open_call, open_calls, rows_of
from roark_otel.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from browser.visiting import Visits


def test_a_list_goes_on_where_it_was(visit: Visits, tmp_path: Path) -> None:
    visit.watch.tolerate("Failed to load resource")
    with Sandbox(store=tmp_path) as sandbox:
        port = urlsplit(sandbox.url).port or 0
        post(sandbox, usual("before"))
        page = open_calls(visit, sandbox, rows=1)
        expect(page.get_by_text("listening at")).to_be_visible()
    expect(page.get_by_text("not connected since")).to_be_visible()
    expect(rows_of(page)).to_have_count(1)
    with Sandbox(store=tmp_path, port=port) as sandbox:
        post(sandbox, usual("meanwhile"))
        expect(page.get_by_text("listening at")).to_be_visible()
        expect(rows_of(page)).to_have_count(2)
        post(sandbox, usual("after"))
        expect(rows_of(page)).to_have_count(3)
        page.goto("about:blank")


def test_a_sandbox_that_forgot_everything(visit: Visits) -> None:
    visit.watch.tolerate("Failed to load resource")
    with Sandbox() as sandbox:
        port = urlsplit(sandbox.url).port or 0
        for number in range(3):
            post(sandbox, usual(f"before-{number}"))
        page = open_calls(visit, sandbox, rows=3)
    with Sandbox(port=port) as sandbox:
        post(sandbox, usual("after"))
        expect(rows_of(page)).to_have_count(1)
        expect(rows_of(page)).to_contain_text("after")
        page.goto("about:blank")


def test_a_call_stays_and_is_found_again(visit: Visits, tmp_path: Path) -> None:
    visit.watch.excuse("Failed to load resource")
    with Sandbox(store=tmp_path) as sandbox:
        port = urlsplit(sandbox.url).port or 0
        page = open_call(visit, sandbox, post(sandbox, usual("before")))
        address = page.url
        page.route("**/pages/calls/*", lambda route: route.abort("connectionrefused"))
        page.reload()
        expect(page.get_by_text("Not connected")).to_be_visible()
        page.unroute_all()
        expect(page.get_by_role("heading", level=1)).to_have_text("before")
        assert page.url.split("#")[0] == address.split("#")[0]
        assert urlsplit(page.url).port == port
