"""Reads answers of Roark's API as receipts, and computes when to retry. Pure: no socket, no clock.

It differs from Roark's SDK in one point that matters: a 409 means that the call exists, so it is never retried.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import cast

from roark_otel._model.field_paths import shown
from roark_otel._model.receipts import Delivered, Receipt, Refused, Rejected, TryAgain
from roark_otel._safety.late_imports import importing

REFUSED_RETRY_SECONDS = 300.0
"""How long every call waits after Roark refused the key, its permissions, the credits or the address."""

MAX_BACKOFF_SECONDS = 60.0
"""The longest wait between two attempts while Roark is down."""

MAX_RETRY_AFTER_SECONDS = 3600.0
"""The longest `Retry-After` that is honoured."""

MAX_CALL_ID = 255
"""The most characters of an id that Roark gives a call: it is logged and kept. What is longer is not from Roark."""

_REJECTED = frozenset({400, 413, 422})
_REFUSED = frozenset({401, 402, 403, 404, 405})


def receipt(status: int, headers: Mapping[str, str], body: bytes, *, tried: bool, now: datetime) -> Receipt:
    """Reads an answer to `POST /v1/call`.

    Args:
        status: The HTTP status.
        headers: The headers, with names in lower case.
        body: The part of the body that was read.
        tried: Whether an earlier attempt may have created this call.
        now: The current time, for a `Retry-After` that is a date.
    """
    if 200 <= status < 300:
        call_id = _id_in(body, "id")
        # A 2xx without an id is a proxy's page, not Roark.
        return _try_again(f"{status} without a call id", headers, now) if call_id is None else Delivered(call_id)
    if status == 409:
        return Delivered(None, already=True) if tried else Rejected(status, "id_in_use")
    return _failed(status, headers, body, now)


def append_receipt(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Receipt:
    """Reads an answer to `POST /v1/call/{callId}/tool-invocations`; arguments as in `receipt`."""
    if 200 <= status < 300:
        call_id = _id_in(body, "callId")
        return _try_again(f"{status} without a call id", headers, now) if call_id is None else Delivered(call_id)
    # Here a 404 is about the call, not the address.
    return Rejected(status, "no such call") if status in {404, 409} else _failed(status, headers, body, now)


def _failed(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Receipt:
    should_retry = headers.get("x-should-retry", "").strip().lower()
    if should_retry != "true" and status in _REJECTED:
        named = tuple(named_fields(body))
        return Rejected(status, ", ".join(map(shown, named)) or "no field named", named)
    if should_retry != "true" and (status in _REFUSED or 300 <= status < 400):
        return Refused(status)
    if should_retry == "false":
        # The call waits for long, but is never given up for this.
        return TryAgain(REFUSED_RETRY_SECONDS, str(status), alone=True)
    return _try_again(str(status), headers, now)


def _try_again(why: str, headers: Mapping[str, str], now: datetime) -> TryAgain:
    after = retry_after(headers, now)
    return TryAgain(after, why, alone=after is None)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Returns the seconds that `retry-after-ms` or `Retry-After` (seconds or an HTTP date) asks for, if any."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return _bounded(float(headers[name]) / unit)
        except (KeyError, ValueError):
            continue
    try:
        return _bounded((_http_date(headers["retry-after"]) - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def _http_date(value: str) -> datetime:
    with importing():
        from email.utils import parsedate_to_datetime

    at = parsedate_to_datetime(value)
    # It is in UTC, even if it does not name a zone (RFC 9110, section 5.6.7).
    return at.replace(tzinfo=at.tzinfo or timezone.utc)


def _bounded(seconds: float) -> float:
    # NaN compares false with everything, so it becomes 0 here.
    return min(max(0.0, seconds), MAX_RETRY_AFTER_SECONDS)


def backoff(failures: int, chance: float) -> float:
    """Returns the seconds until the next attempt, with full jitter.

    Args:
        failures: How many attempts have failed in a row.
        chance: The jitter, in [0, 1).
    """
    return chance * min(MAX_BACKOFF_SECONDS, 2.0 ** min(failures, 16))


def named_fields(body: bytes) -> list[str]:
    """Returns the paths of the fields that an error answer names, to drop them: `shown` is what of them is logged."""
    found: list[str] = []
    _collect_paths(_json(body), found)
    return found[:8]


def _collect_paths(value: object, found: list[str]) -> None:
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[str, object]", value).items():
            if key in {"path", "field", "param"}:
                found.append(_path(item))
            else:
                _collect_paths(item, found)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            _collect_paths(item, found)


def _path(value: object) -> str:
    parts = cast("list[object]", value) if isinstance(value, list) else [value]
    return ".".join(str(part) for part in parts)[:120]


def is_listing(body: bytes) -> bool:
    """Returns whether an answer is a list of calls in Roark's format."""
    answer = _json(body)
    return isinstance(answer, Mapping) and isinstance(cast("Mapping[str, object]", answer).get("data"), list)


def _id_in(body: bytes, name: str) -> str | None:
    """Returns the id of a call in an answer's `data`."""
    answer = _json(body)
    data = cast("Mapping[str, object]", answer).get("data") if isinstance(answer, Mapping) else None
    found = cast("Mapping[str, object]", data).get(name) if isinstance(data, Mapping) else None
    return found if isinstance(found, str) and 0 < len(found) <= MAX_CALL_ID else None


def _json(body: bytes) -> object:
    try:
        return cast("object", json.loads(body))
    except (ValueError, RecursionError):
        return None
