"""Two calls beside each other, turn by turn."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from browser.filling import LIVEKIT, PLAIN, call, post, said, usual
from browser.going import drawn, going_on, open_call, open_calls, open_compare

if TYPE_CHECKING:
    from browser.filling import Shown
    from browser.visiting import Visits
    from roark_otel.sandbox import Sandbox


def test_words_tools_and_waits_that_differ(visit: Visits, sandbox: Sandbox) -> None:
    before = usual("before")
    after = usual("after")
    after["transcript"][1]["text"] = "Where is my lovely order?"
    after["transcript"].append(said("CUSTOMER", "Bye.", 8_000, 8_300))
    after["toolInvocations"][0]["result"] = {"status": "lost"}
    page = open_compare(visit, sandbox, post(sandbox, before), post(sandbox, after))
    expect(page).to_have_title("before and after · roark-otel")
    pairs = page.locator(".pair:not(.head)")
    expect(pairs.filter(has_text="my lovely order").locator("ins")).to_have_text("lovely ")
    expect(pairs.filter(has_text="find_order")).to_contain_text("lost")
    expect(pairs.filter(has_text="Bye.")).to_contain_text("not in this call")
    expect(pairs.filter(has_text="Good morning")).to_have_class("pair same")
    page.keyboard.press("d")
    expect(pairs.filter(has_text="Good morning")).to_be_hidden()
    page.keyboard.press("n")
    expect(page.locator(":focus")).to_contain_text("my lovely order")


def test_a_call_and_itself(visit: Visits, shown: Shown) -> None:
    page = open_compare(visit, shown.sandbox, shown.ids["usual"], shown.ids["usual"])
    expect(page.get_by_text("the same words and tools")).to_be_visible()
    expect(page.locator("ins, del")).to_have_count(0)


def test_the_page_of_a_call_leads_to_a_comparison(visit: Visits, sandbox: Sandbox) -> None:
    post(sandbox, usual("first"))
    second = post(sandbox, usual("second"))
    post(sandbox, usual("third"))
    page = open_call(visit, sandbox, second)
    page.get_by_role("link", name="Compare").click()
    bar = page.get_by_label("chosen for a comparison")
    expect(bar).to_contain_text("second")
    expect(bar).to_contain_text("choose one more")
    expect(page.get_by_label("compare second")).to_be_checked()
    page.get_by_label("compare first").check()
    bar.get_by_role("link", name="Compare").click()
    expect(page).to_have_title("first and second · roark-otel")
    page.go_back()
    expect(page.get_by_label("chosen for a comparison")).to_contain_text("second")


def test_a_call_that_is_older_than_the_list_is_compared(visit: Visits, sandbox: Sandbox) -> None:
    old = post(sandbox, call("old </bdi>"))
    for number in range(500):
        post(sandbox, call(f"call-{number}"))
    page = visit(f"{sandbox.url}/?compare={old}")
    expect(page.get_by_label("chosen for a comparison")).to_contain_text("old </bdi>")
    page.get_by_label("compare call-499").check()
    page.get_by_label("chosen for a comparison").get_by_role("link", name="Compare").click()
    expect(page).to_have_title("old </bdi> and call-499 · roark-otel")


@pytest.mark.parametrize("id_", ["gone", "", "../", "%00", "a&b=c", "javascript:alert(1)"])
def test_a_call_that_is_not_here_is_not_chosen(visit: Visits, sandbox: Sandbox, id_: str) -> None:
    visit.watch.tolerate("404")
    post(sandbox, usual("first"))
    page = open_calls(visit, sandbox, rows=1, after=f"?compare={quote(id_, safe='')}")
    expect(page.get_by_text("1 request, all shown")).to_be_visible()
    expect(page.get_by_label("chosen for a comparison")).to_be_hidden()


def test_calls_that_have_nothing_in_common(visit: Visits, shown: Shown) -> None:
    open_compare(visit, shown.sandbox, shown.ids[PLAIN], shown.ids[LIVEKIT])
    page = drawn(visit(f"{shown.sandbox.url}/compare?a={shown.ids['nothing said']}&b={shown.ids['nothing said']}"))
    expect(page.get_by_text("Neither call has")).to_be_visible()


def test_addresses_of_no_two_calls(visit: Visits, shown: Shown) -> None:
    visit.watch.excuse("404")
    go = going_on(visit.tab())
    there = shown.ids["usual"]
    for query in (
        "",
        "?a=",
        f"?a={there}",
        f"?a={there}&b=",
        f"?a={there}&b=none",
        "?a=%E0%A4%A&b=<b>",
        f"?b={there}&b={there}",
    ):
        page = go(f"{shown.sandbox.url}/compare{query}")
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_role("link", name="All calls")).to_be_visible()


def test_two_long_calls(visit: Visits, sandbox: Sandbox) -> None:
    """Five hundred turns each, none like another."""
    said_of = {
        name: [
            said("AGENT" if n % 2 else "CUSTOMER", f"{name} {n} {n * n}", n * 1_000, n * 1_000 + 900)
            for n in range(500)
        ]
        for name in ("one", "other")
    }
    page = open_compare(visit, sandbox, *(post(sandbox, call(name, *said_of[name])) for name in said_of))
    expect(page.locator(".pair").filter(has_text="other 499 249001")).to_be_attached()
