"""The page of calls: what has arrived, as it arrives, and what is asked of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from browser.filling import call, huge, post, refuse, said, send_spans, usual
from browser.going import drawn, open_calls, rows_of

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from browser.filling import Json
    from browser.visiting import Visits
    from roark_otel.sandbox import Sandbox

ONE_SPAN = {"spanId": "ab" * 8, "name": "llm_request"}


def named(page: Page, external_id: str) -> Locator:
    """Returns the row of a call."""
    return rows_of(page).filter(has=page.get_by_role("link", name=external_id, exact=True))


def names(page: Page) -> list[str]:
    """Returns what the rows are called, from the top."""
    return rows_of(page).locator("a.name").all_inner_texts()


def filling(sandbox: Sandbox) -> None:
    """Sends a usual call, one with a slow answer, one with a failed tool, and a request that is refused."""
    failed = {"name": "pay", "parameters": {}, "result": {"error": "no card"}, "startOffsetMs": 100, "endOffsetMs": 200}
    post(sandbox, usual("usual"))
    post(
        sandbox,
        call(
            "slow",
            said("CUSTOMER", "Are you a tortoise?", 0, 1_000),
            said("AGENT", "No.", 3_000, 4_000, response_latency_ms=2_000),
            properties={"response_latency_p50_ms": 2_000, "response_latency_max_ms": 2_000},
        ),
    )
    post(sandbox, call("failed", said("CUSTOMER", "Take my money.", 0, 90), toolInvocations=[failed]))
    refuse(sandbox, {**call("refused"), "interfaceType": "FAX", "startedAt": "yesterday"})


def test_the_empty_page_teaches_the_first_call(visit: Visits, sandbox: Sandbox) -> None:
    page = drawn(visit(sandbox.url + "/", permissions=["clipboard-read", "clipboard-write"]))
    for line in (
        f"export ROARK_BASE_URL={sandbox.url}",
        "export ROARK_API_KEY=",
        "export ROARK_RECORDING_URL_TEMPLATE=",
    ):
        expect(page.locator("pre")).to_contain_text(line)
    expect(page.get_by_text("roark-otel demo")).to_be_visible()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("copied", exact=True)).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines() == page.locator("pre").inner_text().splitlines()
    assert len(copied.splitlines()) == 3


def test_spans_without_an_id_are_said_at_once(visit: Visits, sandbox: Sandbox) -> None:
    """The most frequent fault of a first try, where a beginner looks."""
    page = drawn(visit(sandbox.url + "/"))
    expect(page.get_by_text("No span has arrived")).to_be_visible()
    send_spans(sandbox, ONE_SPAN, scope="my-agent")
    expect(page.get_by_text("1 span arrived, it carries no roark.external_id (my-agent 1)")).to_be_visible()
    send_spans(sandbox, {**ONE_SPAN, "spanId": "cd" * 8}, {**ONE_SPAN, "spanId": "ef" * 8}, scope="my-agent")
    expect(page.get_by_text("3 spans arrived, none carries roark.external_id")).to_be_visible()
    expect(page.get_by_text("with call_attributes(external_id=")).to_be_visible()


def test_a_conversation_under_way_is_a_row_until_its_call_arrives(visit: Visits, sandbox: Sandbox) -> None:
    page = drawn(visit(sandbox.url + "/"))
    send_spans(sandbox, {**ONE_SPAN, "attributes": {"roark.external_id": "going on"}})
    under_way = page.get_by_role("list", name="conversations under way")
    expect(under_way).to_contain_text("going on")
    expect(under_way).to_contain_text("1 span so far")
    post(sandbox, usual("going on"))
    expect(named(page, "going on")).to_be_visible()
    expect(under_way).to_be_hidden()


def test_a_call_arrives_while_the_page_is_open(visit: Visits, sandbox: Sandbox) -> None:
    page = drawn(visit(sandbox.url + "/"))
    expect(page.get_by_text("listening at")).to_be_visible()
    post(sandbox, usual("first"))
    expect(named(page, "first")).to_be_visible()
    expect(page.get_by_role("heading", name="No call yet")).to_be_hidden()
    post(sandbox, usual("second"))
    expect(named(page, "second")).to_be_visible()
    assert names(page) == ["second", "first"]
    row = named(page, "first")
    for what in ("Order desk", "my-framework", "0:07", "5", "1 tool", "400 ms", "customer ended call", "no trace"):
        expect(row).to_contain_text(what)
    expect(row.locator("svg path")).not_to_have_count(0)


def test_a_row_leads_to_its_call_and_back(visit: Visits, sandbox: Sandbox) -> None:
    filling(sandbox)
    page = open_calls(visit, sandbox, rows=4)
    page.get_by_role("link", name="usual", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("usual")
    page.get_by_role("link", name="calls", exact=True).click()
    expect(rows_of(page)).to_have_count(4)


def test_filters_are_questions(visit: Visits, sandbox: Sandbox) -> None:
    filling(sandbox)
    page = open_calls(visit, sandbox, rows=4)
    for question, answer in {
        "slow": "slow",
        "interrupted": "usual",
        "tool failed": "failed",
        "refused": "refused",
    }.items():
        button = page.get_by_role("button", name=re.compile(f"^{question}"))
        expect(button).to_contain_text("1")
        button.click()
        expect(rows_of(page)).to_have_count(1)
        assert names(page) == [answer]
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_text("1 of 4 shown")).to_be_visible()
        button.click()
        expect(rows_of(page)).to_have_count(4)
    page.get_by_role("button", name=re.compile("^no trace")).click()
    expect(rows_of(page)).to_have_count(3)
    page.get_by_role("button", name=re.compile("^interrupted")).click()
    assert names(page) == ["usual"]
    page.reload()
    expect(rows_of(page)).to_have_count(1)
    page.get_by_role("button", name=re.compile("^refused")).click()
    expect(page.get_by_text("none is: interrupted and no trace and refused")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(rows_of(page)).to_have_count(4)


def test_a_filter_holds_for_what_arrives(visit: Visits, sandbox: Sandbox) -> None:
    filling(sandbox)
    page = open_calls(visit, sandbox, rows=4)
    page.get_by_role("button", name=re.compile("^interrupted")).click()
    post(sandbox, call("without words"))
    expect(page.get_by_text("1 of 5 shown")).to_be_visible()
    post(sandbox, usual("interrupted again"))
    expect(rows_of(page)).to_have_count(2)


def test_search_finds_words_ids_and_tools(visit: Visits, sandbox: Sandbox) -> None:
    filling(sandbox)
    page = open_calls(visit, sandbox, rows=4)
    page.keyboard.press("/")
    field = page.get_by_role("searchbox")
    expect(field).to_be_focused()
    for words, found in {
        "TORTOISE": ["slow"],
        "find_order": ["usual"],
        "Refused": ["refused"],
        "fail": ["failed"],
        "pay": ["failed"],
    }.items():
        field.fill(words)
        expect(rows_of(page).locator("a.name")).to_have_text(found)
    post(sandbox, call("later", said("CUSTOMER", "pay again", 0, 100)))
    expect(named(page, "later")).to_be_visible()
    page.reload()
    expect(rows_of(page)).to_have_count(2)
    field.fill("nothing has % this_")
    expect(page.get_by_text("no word, id, number or tool")).to_be_visible()
    page.get_by_role("button", name="Clear the search").click()
    expect(rows_of(page)).to_have_count(5)


def test_new_rows_wait_while_the_reader_is_further_down(visit: Visits, sandbox: Sandbox) -> None:
    for number in range(40):
        post(sandbox, call(f"call-{number}"))
    page = open_calls(visit, sandbox, rows=40)
    page.evaluate("scrollTo(0, 600)")
    top = page.evaluate("scrollY")
    post(sandbox, call("new-1"))
    expect(page.get_by_role("button", name=re.compile("1 new"))).to_be_visible()
    post(sandbox, call("new-2"))
    expect(page.get_by_role("button", name=re.compile("2 new"))).to_be_visible()
    expect(rows_of(page)).to_have_count(40)
    assert page.evaluate("scrollY") == top
    page.keyboard.press("n")
    expect(rows_of(page)).to_have_count(42)
    assert names(page)[:2] == ["new-2", "new-1"]
    expect(named(page, "new-2").get_by_role("link")).to_be_focused()


def test_the_keyboard_moves_opens_and_compares(visit: Visits, sandbox: Sandbox) -> None:
    filling(sandbox)
    page = open_calls(visit, sandbox, rows=4)
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="refused", exact=True)).to_be_focused()
    page.keyboard.press("x")  # no call to compare
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("c")  # one is not enough
    expect(page.get_by_text("choose one more")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="usual", exact=True)).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("c")
    page.wait_for_url("**/compare?a=*&b=*")
    page.go_back()
    expect(rows_of(page)).to_have_count(4)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/refused/4")


def test_a_refused_request_names_its_fields(visit: Visits, sandbox: Sandbox) -> None:
    filling(sandbox)
    page = open_calls(visit, sandbox, rows=4)
    row = named(page, "refused")
    for what in ("refused with 4", "interfaceType", "startedAt"):
        expect(row).to_contain_text(what)
    expect(row.get_by_role("checkbox")).to_have_count(0)


def test_refused_requests_of_all_kinds(visit: Visits, sandbox: Sandbox) -> None:
    page = drawn(visit(sandbox.url + "/"))
    bodies: list[Json] = [
        {},
        {"externalId": 17},
        {"externalId": "x" * 300},
        {"transcript": "none"},
        {"transcript": [1, None, {"role": "A"}]},
    ]
    for number, body in enumerate(bodies, 1):
        refuse(sandbox, body)
        expect(rows_of(page)).to_have_count(number)
    post(sandbox, usual("twice"))
    refuse(sandbox, usual("twice"))
    expect(rows_of(page)).to_have_count(len(bodies) + 2)


def test_very_long_calls_do_not_make_dots_of_the_others(visit: Visits, sandbox: Sandbox) -> None:
    post(sandbox, huge("of hours", 3_000))
    for number in range(3):
        post(sandbox, usual(f"usual-{number}"))
    page = open_calls(visit, sandbox, rows=4)
    drawn_px = page.evaluate(
        "Math.round(document.querySelectorAll('li.row svg.mini')[1].getBoundingClientRect().width)"
    )
    boxes = named(page, "usual-0").locator("svg path.a").evaluate("(one) => one.getBoundingClientRect().width")
    assert boxes > drawn_px / 4


def test_hundreds_of_calls(visit: Visits, sandbox: Sandbox) -> None:
    for number in range(520):
        post(sandbox, call(f"call-{number}"))
    page = open_calls(visit, sandbox, rows=500)
    expect(page.get_by_text("500 of 520 shown")).to_be_visible()
    page.get_by_role("searchbox").fill("call-7")
    expect(named(page, "call-7")).to_be_visible()
    expect(rows_of(page)).to_have_count(11)
