"""Answers as receipts, and when to retry."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from roark_otel._delivery.answers import (
    MAX_BACKOFF_SECONDS,
    MAX_RETRY_AFTER_SECONDS,
    REFUSED_RETRY_SECONDS,
    append_receipt,
    backoff,
    named_fields,
    receipt,
    retry_after,
)
from roark_otel._model.receipts import Delivered, Receipt, Refused, Rejected, TryAgain

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=timezone.utc)
CREATED = b'{"data": {"id": "call-1", "status": "ENDED"}}'
PAGE = b"<html><body>You are not logged in to this network.</body></html>"


def answered(status: int, body: bytes = b"", *, tried: bool = False, **headers: str) -> Receipt:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return receipt(status, named, body, tried=tried, now=NOW)


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("tried", [False, True])
def test_a_call_with_an_id_is_delivered(status: int, tried: bool) -> None:
    assert answered(status, CREATED, tried=tried) == Delivered("call-1")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        PAGE,
        b"{}",
        b"null",
        b"[]",
        b'"call-1"',
        b'{"data": null}',
        b'{"data": []}',
        b'{"data": "call-1"}',
        b'{"data": {}}',
        b'{"data": {"id": ""}}',
        b'{"data": {"id": 17}}',
        b'{"data": {"id": null}}',
        b'{"data": {"id": "' + b"x" * 256 + b'"}}',
        b'{"id": "call-1"}',
        CREATED[:-5],
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_success_without_an_id_is_not_a_delivery(body: bytes) -> None:
    assert answered(200, body) == TryAgain(None, "200 without a call id", alone=True)


def test_a_conflict_is_a_delivery_only_of_a_call_that_was_tried() -> None:
    """A first attempt cannot meet its own call, so the id belongs to another one."""
    assert answered(409, tried=True) == Delivered(None, already=True)
    assert answered(409, tried=False) == Rejected(409, "id_in_use")


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error": {"details": [{"path": "transcript[0].text", "message": "is long"}]}}', "transcript[0].text"),
        (b'{"issues": [{"path": ["transcript", 0, "text"]}, {"path": ["agent"]}]}', "transcript.0.text, agent"),
        (b'{"field": "startedAt"}', "startedAt"),
        (b'[{"param": "customer"}]', "customer"),
        (b'{"message": "everything is wrong"}', "no field named"),
        (b"", "no field named"),
        (PAGE, "no field named"),
        (b"[" * 100_000, "no field named"),
    ],
)
def test_a_rejection_names_the_fields_and_quotes_nothing_else(status: int, body: bytes, reason: str) -> None:
    assert answered(status, body) == Rejected(status, reason)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("what the customer said", "…"),
        ("hush", "…"),
        ("toolInvocations[3].parameters.hush", "toolInvocations[3].parameters.…"),
        (["toolInvocations", 3, "result", "hush"], "toolInvocations.3.result.…"),
        ("/properties/hush hush", "/properties/…"),
        ("properties.score", "properties.score"),
        ("transcript[hush].text", "transcript[…"),
        ("4111111111111111", "…"),
    ],
)
def test_a_rejection_shows_nothing_that_a_path_quotes_of_the_call(path: object, shown: str) -> None:
    """A key below `parameters` is the model's or the customer's, and something before Roark may say anything."""
    assert answered(400, json.dumps({"field": path}).encode()) == Rejected(400, shown)


def test_an_answer_cannot_make_a_log_line_long() -> None:
    body = json.dumps([{"path": "x" * 1_000}] * 1_000).encode()

    assert named_fields(body) == ["x" * 120] * 8


@pytest.mark.parametrize("status", [401, 402, 403, 300, 301, 302, 304, 307, 308, 399, 404, 405])
def test_a_wrong_key_or_address_or_used_up_credits_are_a_refusal(status: int) -> None:
    assert answered(status, CREATED) == Refused(status)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_other_failures_are_retried(status: int) -> None:
    assert answered(status, PAGE) == TryAgain(None, str(status), alone=True)
    assert answered(status, PAGE, retry_after="12") == TryAgain(12.0, str(status))


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422])
def test_roark_may_ask_for_another_attempt_at_what_looks_final(status: int) -> None:
    assert answered(status, x_should_retry="true") == TryAgain(None, str(status), alone=True)
    assert answered(status, x_should_retry=" True ", retry_after="9") == TryAgain(9.0, str(status))
    assert not isinstance(answered(status, x_should_retry="perhaps"), TryAgain)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_roark_may_ask_to_be_left_alone_and_no_call_is_given_up_for_it(status: int) -> None:
    assert answered(status, x_should_retry="false") == TryAgain(REFUSED_RETRY_SECONDS, str(status), alone=True)


@pytest.mark.parametrize("should_retry", ["true", "false"])
def test_a_conflict_means_the_same_whatever_roark_asks_for(should_retry: str) -> None:
    """Roark's own SDK reads a 409 as a lock timeout; here it means that the call exists."""
    assert answered(409, tried=True, x_should_retry=should_retry) == Delivered(None, already=True)
    assert answered(409, x_should_retry=should_retry) == Rejected(409, "id_in_use")


def test_answers_of_the_append_endpoint() -> None:
    def appended(status: int, body: bytes = b"", **headers: str) -> Receipt:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return append_receipt(status, named, body, now=NOW)

    assert appended(200, b'{"data": {"added": 1, "skipped": 0, "callId": "c"}}') == Delivered("c")
    assert appended(200, PAGE) == TryAgain(None, "200 without a call id", alone=True)
    assert appended(404) == Rejected(404, "no such call")
    assert appended(400, b'{"field": "name"}') == Rejected(400, "name")
    assert appended(401) == Refused(401)
    assert appended(503, retry_after="3") == TryAgain(3.0, "503")


@given(status=st.integers(100, 999), body=st.binary(max_size=50), tried=st.booleans())
def test_every_answer_becomes_one_of_four_receipts(status: int, body: bytes, tried: bool) -> None:
    """An unforeseen answer never loses a call: one is only given up if its body is known to be wrong."""
    found = answered(status, body, tried=tried)

    assert isinstance(found, (Delivered, Rejected, Refused, TryAgain))
    assert not isinstance(found, Rejected) or status in {400, 409, 413, 422}
    assert not isinstance(found, Delivered) or tried or 200 <= status < 300


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": " 3 "}, 3.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "99999999999"}, MAX_RETRY_AFTER_SECONDS),
        ({"retry-after": "9" * 400}, MAX_RETRY_AFTER_SECONDS),
        ({"retry-after": "inf"}, MAX_RETRY_AFTER_SECONDS),
        ({"retry-after": "-inf"}, 0.0),
        ({"retry-after": "nan"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "12,34"}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after-ms": "-1"}, 0.0),
        ({"retry-after-ms": "soon"}, None),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90.0),
        ({"retry-after": format_datetime(NOW - timedelta(days=1), usegmt=True)}, 0.0),
        ({"retry-after": format_datetime(NOW + timedelta(days=90), usegmt=True)}, MAX_RETRY_AFTER_SECONDS),
        ({"retry-after": "Sat, 31 Jan 2026 11:31:00 +0200"}, 60.0),
        ({"retry-after": "Sat, 31 Jan 2026 09:31:00 -0000"}, 60.0),
        ({"retry-after": "Sat Jan 31 09:31:00 2026"}, 60.0),
        ({"retry-after": "Sat, 99 Jan 2026 09:31:00 GMT"}, None),
        ({"retry-after": "Sat, 31 Jan 99999 09:31:00 GMT"}, None),
    ],
)
def test_how_long_roark_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@given(value=st.one_of(st.text(max_size=40), st.floats().map(str), st.integers().map(str)))
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("1e400")
def test_no_value_of_the_header_raises_or_exceeds_the_bounds(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        found = retry_after({name: value}, NOW)

        assert found is None or 0.0 <= found <= MAX_RETRY_AFTER_SECONDS


@given(failures=st.integers(0, 10**9), chance=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_bounded_and_may_be_anything_below_its_bound(failures: int, chance: float) -> None:
    assert 0.0 <= backoff(failures, chance) <= min(MAX_BACKOFF_SECONDS, 2.0 ** min(failures, 16))
    assert backoff(failures, 0.0) == 0.0


@given(failures=st.integers(0, 10**6), chance=st.floats(0, 1, exclude_max=True))
def test_more_failures_never_shorten_the_wait(failures: int, chance: float) -> None:
    assert backoff(failures, chance) <= backoff(failures + 1, chance)


def test_the_bound_doubles_with_each_failure_up_to_a_minute() -> None:
    assert [backoff(failures, 0.5) for failures in range(8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
