"""The list of calls on what no sandbox answers by itself: rows that change, streams that break, two thousand rows."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from browser.going import overflow, rows_of
from support.board import Board, Serving
from support.helpers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from browser.visiting import Visits

SAID = [{"role": "AGENT", "text": "Hello.", "startOffsetMs": 0, "endOffsetMs": 900}]
HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe\u0000\u001b[31m\u2028 שלום " + "long" * 40


@pytest.fixture(name="board")
def _board() -> Board:
    board = Board()
    for number in range(1, 4):
        board.add({"externalId": f"call-{number}", "transcript": SAID})
    return board


# A test asks for it before `visit`: pages are closed first.
@pytest.fixture(name="serving")
def _serving(board: Board) -> Iterator[Serving]:
    with Serving(board) as serving:
        yield serving


def opened(visit: Visits, serving: Serving, count: int = 3, **options: Any) -> Page:
    page = visit(serving.url, **options)
    expect(rows_of(page)).to_have_count(count)
    return page


def stopped(serving: Serving, page: Page) -> None:
    """Stops it, and waits until the page has looked for it in vain."""
    with page.expect_event("requestfailed"):
        serving.stop()


def test_a_row_that_changes_stays_where_it_is(serving: Serving, visit: Visits) -> None:
    """A trace that comes later is linked to a row that is chosen and has the focus."""
    page = opened(visit, serving)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    serving.board.change(2, linked=3)
    row = rows_of(page).nth(1)
    expect(row).to_contain_text("3 traces")
    expect(row.get_by_role("link")).to_be_focused()
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(rows_of(page)).to_have_count(3)


def test_what_is_no_event_of_ours_is_ignored(serving: Serving, visit: Visits) -> None:
    page = opened(visit, serving)
    for event, data in (("row", "{"), ("row", "null"), ("open", "17"), ("spans", '"x"'), ("other", "[]"), ("row", "")):
        serving.board.say(event, data)
    serving.board.add({"externalId": "call-4"})
    expect(rows_of(page).get_by_role("link", name="call-4")).to_be_visible()


def test_news_are_no_reason_to_read_the_list_again(serving: Serving, visit: Visits) -> None:
    page = opened(visit, serving)
    about = {"externalId": "going on", "traceId": "ab" * 16, "sinceMs": 900, "scopes": []}
    for spans in range(1, 9):
        serving.board.under_way({**about, "spans": spans})
    serving.board.spans_arrived(8, 0)
    serving.board.add({"externalId": "call-4"})
    expect(page.get_by_role("list", name="conversations under way")).to_contain_text("8 spans so far")
    expect(rows_of(page)).to_have_count(4)
    assert serving.board.searched == [""]


def test_a_list_that_is_not_given_says_why(serving: Serving, visit: Visits) -> None:
    visit.watch.excuse("401")
    serving.board.status = HTTPStatus.UNAUTHORIZED
    page = visit(serving.url)
    expect(page.get_by_text("the sandbox answered 401: open the link that it printed")).to_be_visible()
    serving.board.status = HTTPStatus.OK
    expect(rows_of(page)).to_have_count(3)
    expect(page.get_by_text("listening at")).to_be_visible()


def test_a_stream_that_the_browser_gives_up_is_opened_again(serving: Serving, visit: Visits) -> None:
    visit.watch.excuse("MIME type")
    serving.board.stream_type = "text/html"
    page = visit(serving.url)
    expect(page.get_by_text("not connected since")).to_be_visible()
    serving.board.stream_type = "text/event-stream"
    expect(rows_of(page)).to_have_count(3)
    expect(page.get_by_text("listening at")).to_be_visible()


def test_a_stream_that_is_kept_back_is_no_reason_to_show_nothing(serving: Serving, visit: Visits) -> None:
    """A proxy may hold a stream until it ends: the list is read every few seconds instead."""
    serving.board.is_held = True
    page = opened(visit, serving)
    serving.board.add({"externalId": "call-4"})
    expect(rows_of(page)).to_have_count(4)


def test_another_run_that_has_more_calls_than_before(visit: Visits, board: Board) -> None:
    """Numbers of rows begin again: a row of the new run is not taken for one of the old."""
    visit.watch.excuse("Failed to load resource")
    serving = Serving(board)
    page = opened(visit, serving)
    stopped(serving, page)
    expect(page.get_by_text("not connected since")).to_be_visible()
    expect(rows_of(page)).to_have_count(3)
    other = Board()
    for number in range(1, 6):
        other.add({"externalId": f"other-{number}"}, received_at="2026-11-24T18:00:00.000Z")
    with serving.again(other):
        expect(rows_of(page)).to_have_count(5)
        assert rows_of(page).get_by_role("link").all_inner_texts() == [f"other-{n}" for n in range(5, 0, -1)]
        expect(page.get_by_text("The sandbox has started again")).to_be_attached()
        page.goto("about:blank")


def test_what_was_missed_comes_when_the_stream_is_back(visit: Visits, board: Board) -> None:
    visit.watch.excuse("Failed to load resource")
    serving = Serving(board)
    page = opened(visit, serving)
    stopped(serving, page)
    expect(page.get_by_text("not connected since")).to_be_visible()
    for number in range(4, 9):
        board.add({"externalId": f"call-{number}"})
    board.change(1, linked=9)
    with serving.again():
        expect(rows_of(page)).to_have_count(8)
        expect(rows_of(page).last).to_contain_text("9 traces")
        page.goto("about:blank")


def test_a_page_that_is_not_seen_gives_its_connection_back(serving: Serving, visit: Visits) -> None:
    """A browser has six connections to a host: six forgotten tabs would leave none."""
    page = opened(visit, serving)
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => globalThis.isAway, configurable: true })")
    look = "(isAway) => { globalThis.isAway = isAway; document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(look, True)
    wait_until(lambda: serving.board.streams == 0, 60)
    serving.board.add({"externalId": "meanwhile"})
    page.evaluate(look, False)
    expect(rows_of(page).get_by_role("link", name="meanwhile")).to_be_visible()
    assert serving.board.streams == 1


def test_two_thousand_rows_are_all_there(visit: Visits) -> None:
    board = Board()
    board.most = 2_000
    for number in range(1, 2_001):
        failed = [{"name": "pay", "result": {"error": "no"}, "startOffsetMs": 0}] if number % 100 == 7 else []
        board.add({"externalId": f"call-{number}", "transcript": SAID, "toolInvocations": failed})
    with Serving(board) as serving:
        page = opened(visit, serving, 2_000)
        last = rows_of(page).last
        expect(last).to_contain_text("call-1")
        last.get_by_role("link").focus()
        expect(last).to_be_in_viewport()
        page.keyboard.press("k")
        expect(rows_of(page).nth(1_998).get_by_role("link")).to_be_focused()
        page.get_by_role("button", name="tool failed").click()
        expect(rows_of(page)).to_have_count(20)
        board.add({"externalId": "call-2001"})
        expect(page.get_by_text("20 of 2,001 shown")).to_be_visible()
        page.get_by_role("button", name="all", exact=True).click()
        expect(rows_of(page)).to_have_count(2_000)
        expect(rows_of(page).first).to_contain_text("call-2001")


@pytest.mark.parametrize("width", [390, 1_440])
def test_hostile_rows_are_text_and_fit(visit: Visits, width: int) -> None:
    board = Board()
    body = {
        "externalId": HOSTILE,
        "agent": {"name": HOSTILE},
        "properties": {"framework": HOSTILE},
        "endedStatus": HOSTILE,
    }
    board.add(body)
    board.add(body, status=422, fields=[HOSTILE] * 50)
    board.under_way({"externalId": HOSTILE, "traceId": HOSTILE, "spans": 1, "sinceMs": 1, "scopes": [HOSTILE]})
    board.spans_arrived(3, 3, **{HOSTILE: 3})
    with Serving(board) as serving:
        page = opened(visit, serving, 2, width=width)
        expect(page.locator("img")).to_have_count(0)
        name = rows_of(page).last.get_by_role("link")
        expect(name).to_contain_text("<img src=x onerror=alert(1)>")
        expect(name).to_contain_text("\\u202egnp.exe\\u0000\\u001b[31m\\u2028")
        assert overflow(page) == 0
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("x")
        expect(page.get_by_text("choose one more")).to_be_visible()
        assert overflow(page) == 0
