"""The page of a call: what was said and done, to scale and in order, and what is known of each entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import expect

from browser.filling import LIVEKIT, PLAIN, call, post, said, usual
from browser.going import entries_of, going_on, open_call

if TYPE_CHECKING:
    from browser.filling import Shown
    from browser.visiting import Visits
    from roark_otel.sandbox import Sandbox


def test_entries_and_tools_in_the_order_of_time(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids["usual"])
    expect(page).to_have_title("usual · roark-otel")
    expect(page.get_by_role("heading", level=1)).to_have_text("usual")
    expect(entries_of(page)).to_contain_text(
        [
            "Good morning, how can I help you?",
            "Where is my order?",
            'find_order(order_id="A-17")',
            "It left our warehouse yesterday",
            "Wonderful, thank you.",
            "You are welcome.",
        ]
    )
    expect(entries_of(page).nth(0)).to_contain_text("agent")
    expect(entries_of(page).nth(1)).to_contain_text("customer")
    expect(entries_of(page).nth(2)).to_contain_text('{"status":"shipped"}')
    expect(entries_of(page).nth(3)).to_contain_text("cut off")
    expect(entries_of(page).nth(4)).to_contain_text("300 ms over the agent")


def test_numbers_of_a_call(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids["usual"])
    for name, value in {"length": "0:07", "turns": "5", "tools": "1", "interruptions": "1"}.items():
        figure = page.locator("dl.numbers > div").filter(has=page.locator("dt", has_text=re.compile(f"^{name}$")))
        expect(figure.locator("dd")).to_have_text(value)
    shares = page.locator("dl.numbers").get_by_text(re.compile(r"agent \d+ %")).inner_text()
    everything = page.locator("dl.numbers > div").filter(has_text="who had the floor").inner_text()
    assert shares in everything
    assert sum(int(one) for one in re.findall(r"(\d+) %", everything)) == 100


def test_a_recording_at_another_host_is_a_link_and_says_so(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids["usual"])
    bar = page.locator(".timeline .bar")
    expect(bar).to_contain_text("not played here: the recording is at recordings.example.com")
    expect(bar).to_contain_text("this page may load nothing from another host")
    expect(bar.get_by_role("link")).to_have_attribute("href", "https://recordings.example.com/a.wav")
    expect(bar.get_by_role("button", name="play")).to_be_disabled()


def test_an_entry_is_picked_by_a_click_and_its_fields_are_shown(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids["usual"])
    entries_of(page).nth(3).click()
    expect(entries_of(page).nth(3)).to_have_attribute("aria-current", "true")
    expect(page.locator("[aria-current=true]")).to_have_count(1)
    side = page.locator(".side")
    expect(side).to_contain_text("The agent spoke")
    expect(side).to_contain_text("Why the customer waited 600 ms")
    expect(side).to_contain_text("ROARK_EXPORT_TRACES=true")
    expect(side).to_contain_text("transcript[2]")
    entries_of(page).nth(2).click()
    expect(side).to_contain_text("toolInvocations[0]")
    expect(side).to_contain_text('"order_id": "A-17"')


def test_the_stages_of_a_wait_come_from_the_linked_spans(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids[LIVEKIT])
    expect(page.get_by_text(re.compile(r"linked trace, \d+ spans"))).to_be_visible()
    entries_of(page).filter(has_text="One moment, let me look that up.").click()
    stages = page.locator(".side .stages li")
    expect(stages).to_contain_text(["end of turn", "LLM", "TTS"])
    expect(page.locator(".side")).to_contain_text("Why the customer waited 356 ms")


def test_both_calls_of_the_demo_are_drawn(visit: Visits, shown: Shown) -> None:
    for external_id in (PLAIN, LIVEKIT):
        page = open_call(visit, shown.sandbox, shown.ids[external_id])
        expect(entries_of(page)).to_have_count(9)
        expect(page.locator(".lanes svg, .lanes canvas").first).to_be_visible()


def test_what_is_below_is_made_when_it_is_opened(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids[LIVEKIT])
    posted = page.get_by_text("Everything as it was posted")
    posted.click()
    expect(page.locator("details[open] pre")).to_contain_text('"externalId": "demo-livekit-call"')
    page.get_by_text(re.compile("^The whole trace")).click()
    expect(page.locator("details[open] .tree > li").first).to_be_visible()


def test_a_moment_has_an_address(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids["usual"], after="#t=1.900")
    expect(page.locator("[aria-current=true]")).to_contain_text("Where is my order?")
    entries_of(page).nth(3).click()
    page.wait_for_url("**#t=3.600")
    page.reload()
    expect(page.locator("[aria-current=true]")).to_contain_text("It left our warehouse yesterday")
    page.evaluate("location.hash = '#t=6.400'")
    expect(page.locator("[aria-current=true]")).to_contain_text("You are welcome.")


def test_addresses_of_no_moment_are_ignored(visit: Visits, shown: Shown) -> None:
    for after in ("#t=", "#t=1e400", "#t=-5", "#t=99999999999", "#x", "#t=<b>", "#%E0%A4%A"):
        page = open_call(visit, shown.sandbox, shown.ids["usual"], after=after)
        expect(page.locator("[aria-current=true]")).to_have_count(1)


def test_warnings_of_a_call(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids["warned"])
    expect(page.get_by_role("note")).to_contain_text(["roark_unlinked", "roark_dropped_spans"])
    expect(page.get_by_text("its trace is not here")).to_be_visible()


def test_a_call_of_which_little_is_known(visit: Visits, shown: Shown) -> None:
    expect(open_call(visit, shown.sandbox, shown.ids["nothing said"]).get_by_text("Nothing was said")).to_be_visible()
    page = open_call(visit, shown.sandbox, shown.ids["no words"])
    expect(entries_of(page)).to_contain_text(["sent without its words"] * 2)
    expect(page.get_by_text("ROARK_CAPTURE_CONTENT=false")).to_be_visible()
    page = open_call(visit, shown.sandbox, shown.ids["without an id"])
    expect(page.get_by_role("heading", level=1)).to_have_text("a call without an id")


def test_a_call_that_is_not_here(visit: Visits, shown: Shown) -> None:
    visit.watch.excuse("404")
    go = going_on(visit.tab())
    for strange in (
        "no-such-call",
        "%E0%A4%A",
        "%00",
        "..%2F..%2Fetc%2Fpasswd",
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "a%2Fb",
    ):
        page = go(f"{shown.sandbox.url}/calls/{strange}")
        expect(page.get_by_role("heading", level=1)).to_have_text("This call is not here")
        expect(page.get_by_role("link", name="all calls")).to_be_visible()


def test_search_goes_from_entry_to_entry(visit: Visits, shown: Shown) -> None:
    page = open_call(visit, shown.sandbox, shown.ids["usual"])
    field = page.get_by_role("searchbox")
    field.fill("ORDER")
    expect(page.locator("[aria-current=true]")).to_contain_text("Where is my order?")
    expect(page.get_by_text("1 of 2", exact=True)).to_be_visible()
    field.press("Enter")
    expect(page.locator("[aria-current=true]")).to_contain_text("find_order")
    field.fill("nothing like it")
    expect(page.get_by_text("not in this call")).to_be_visible()


def test_a_recording_at_another_host_is_named_and_left_there(visit: Visits, sandbox: Sandbox) -> None:
    """The watch fails the test if it is asked for."""
    for number, url in enumerate(
        (
            "https://recordings.example.com/a.wav",
            "http://127.0.0.1:9/a.wav",
            "https://user:pass@recordings.example.com:8443/a.wav?token=secret",
            "http://recordings.example.com/recordings/usual.wav",
        )
    ):
        page = open_call(visit, sandbox, post(sandbox, usual(f"elsewhere-{number}", recordingUrl=url)))
        expect(page.get_by_role("button", name="play")).to_be_disabled()
        expect(page.get_by_role("link", name=urlsplit(url).hostname or "")).to_be_visible()
        page.keyboard.press("Space")
        assert page.locator("audio").count() == 0
    assert not [one for one in visit.watch.requests if one.endswith((".wav", "secret"))]


def test_words_of_a_megabyte(visit: Visits, sandbox: Sandbox) -> None:
    long = "long words " * 100_000 + "THE END"
    page = open_call(
        visit,
        sandbox,
        post(sandbox, call("long", said("AGENT", long, 0, 1_000), said("CUSTOMER", "w" * 1_000_000, 1_100, 2_000))),
    )
    expect(entries_of(page)).to_have_count(2)
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    page.keyboard.press("j")
    expect(entries_of(page).nth(1)).to_have_attribute("aria-current", "true")
