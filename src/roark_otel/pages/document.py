"""The document that a call page is drawn from: one JSON object with all that is known of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roark_otel.pages.outline import outline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def document(
    body: Mapping[str, Any],
    *,
    details: Mapping[str, Any] | None = None,
    spans: Sequence[Mapping[str, Any]] = (),
    recording: Mapping[str, Any] | None = None,
    receipt: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns the document of a call.

    Args:
        body: The call as posted.
        details: What Roark says of it; None if it has not been asked.
        spans: The spans of its trace.
        recording: Where its sound is.
        receipt: What became of it.
    """
    return {
        "body": dict(body),
        "details": None if details is None else dict(details),
        "spans": [dict(one) for one in spans],
        "recording": None if recording is None else dict(recording),
        "receipt": None if receipt is None else dict(receipt),
        "outline": outline(body),
    }
