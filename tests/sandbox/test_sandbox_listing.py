"""The list of calls: pages, filters, order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from roark_analytics import BadRequestError, Roark

from roark_otel.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COUNT = 23


@pytest.fixture(scope="module", name="full")
def _full() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module", name="ids")
def _ids(full: Sandbox) -> list[str]:
    """Posts calls and returns their ids, oldest first; every third has no transcript and thus no duration."""
    ids: list[str] = []
    with Roark(base_url=full.url, bearer_token="any", max_retries=0) as client:  # noqa: S106 - the sandbox takes any
        for number in range(COUNT):
            entry: Any = {
                "role": "AGENT",
                "text": f"Straße number {number:02}",
                "start_offset_ms": 0,
                "end_offset_ms": (number * 7) % 5,
            }
            created = client.call.create(
                recording_url="https://example.com/a.wav",
                started_at=f"2026-01-{COUNT - number:02}T00:00:00Z",
                interface_type="WEB",
                call_direction="OUTBOUND",
                transcript=[entry] if number % 3 else [],
                properties={"number": number},
            )
            ids.append(created.data.id)
    return ids


@pytest.fixture(name="listing")
def _listing(full: Sandbox, ids: list[str], official: Callable[..., Roark]) -> Iterator[Roark]:
    assert ids
    with official(full) as client:
        yield client


def all_pages(client: Roark, **options: Any) -> list[str]:
    found: list[str] = []
    page = client.call.list(**options)
    while True:
        assert page.pagination.total >= len(page.data)
        found += [call.id for call in page.data]
        if not page.pagination.has_more:
            assert page.pagination.next_cursor is None
            return found
        assert page.pagination.next_cursor is not None
        page = client.call.list(**options, after=page.pagination.next_cursor)


def test_the_default_is_the_twenty_newest(listing: Roark, ids: list[str]) -> None:
    page = listing.call.list()

    assert [call.id for call in page.data] == ids[::-1][:20]
    assert page.pagination.total == COUNT
    assert page.data[0].properties == {"number": str(COUNT - 1)}


@pytest.mark.parametrize("limit", [1, 7, 22, 23, 24, 100])
def test_pages_hold_every_call_once(listing: Roark, ids: list[str], limit: int) -> None:
    assert all_pages(listing, limit=limit) == ids[::-1]


@pytest.mark.parametrize("sort_by", ["createdAt", "startedAt", "endedAt", "duration", "title", "status"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_hold_every_call_once_in_any_order(listing: Roark, ids: list[str], sort_by: Any, direction: Any) -> None:
    found = all_pages(listing, limit=4, sort_by=sort_by, sort_direction=direction)

    assert sorted(found) == sorted(ids)
    assert found == all_pages(listing, limit=100, sort_by=sort_by, sort_direction=direction)


def test_order_by_start(listing: Roark, ids: list[str]) -> None:
    assert all_pages(listing, limit=5, sort_by="startedAt", sort_direction="asc") == ids[::-1]


def test_order_by_duration(listing: Roark) -> None:
    page = listing.call.list(limit=100, sort_by="duration", sort_direction="desc")

    durations = [-1 if call.duration_ms is None else call.duration_ms for call in page.data]
    assert durations == sorted(durations, reverse=True)
    assert set(durations) == {-1, 0, 1, 2, 3, 4}


def test_search_finds_words_of_transcripts_in_any_case(listing: Roark, ids: list[str]) -> None:
    page = listing.call.list(search_text="STRASSE NUMBER 1", limit=2)

    assert page.pagination.total == len([n for n in range(10, 20) if n % 3])
    assert page.data[0].id == ids[19]


def test_filter_by_status(listing: Roark) -> None:
    assert listing.call.list(status="ENDED").pagination.total == COUNT
    assert listing.call.list(status="RINGING").data == []


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("limit", {"limit": 0}),
        ("limit", {"limit": 101}),
        ("limit", {"extra_query": {"limit": "many"}}),
        ("limit", {"extra_query": {"limit": "9" * 5000}}),
        ("after", {"after": "unknown-call"}),
        ("status", {"status": "OVER"}),
        ("sortBy", {"sort_by": "mood"}),
        ("sortDirection", {"sort_direction": "up"}),
    ],
)
def test_a_wrong_parameter_is_named(listing: Roark, name: str, options: Any) -> None:
    with pytest.raises(BadRequestError) as caught:
        listing.call.list(**options)

    body: Any = caught.value.body
    assert [issue["path"] for issue in body["error"]["issues"]] == [name]
