"""The page of a call as the local Roark serves it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from support.chromium import opened

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

WORDS = "Where is <b>A-17</b>?\u202e"


def post(sandbox: Sandbox, **fields: Any) -> dict[str, Any]:
    """Posts a call, and returns the answer, whatever its status."""
    said = [{"role": "CUSTOMER", "text": WORDS, "startOffsetMs": 0, "endOffsetMs": 900}]
    body = {
        "startedAt": "2026-11-29T10:00:00.000Z",
        "interfaceType": "WEB",
        "callDirection": "INBOUND",
        "externalId": "a <i>call</i>",
        "recordingUrl": "https://recordings.example.com/a.wav",
        "transcript": said,
        **fields,
    }
    headers = {"authorization": "Bearer k", "content-type": "application/json"}
    request = urllib.request.Request(f"{sandbox.url}/v1/call", json.dumps(body).encode(), headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
            return dict(json.load(answer))
    except urllib.error.HTTPError as fault:
        return dict(json.load(fault))


def test_a_call_is_shown_with_what_was_posted_as_text(sandbox: Sandbox, tmp_path: Path) -> None:
    call_id = post(sandbox)["data"]["id"]

    page = opened(f"{sandbox.url}/calls/{call_id}", tmp_path)

    assert page.console == ()
    assert "a &lt;i&gt;call&lt;/i&gt; · roark-otel</title>" in page.html
    assert "Where is &lt;b&gt;A-17&lt;/b&gt;?\\u202e" in page.html
    assert 'href="https://recordings.example.com/a.wav"' in page.html
    assert f'href="/pages/calls/{call_id}/file"' in page.html


def test_a_refused_request_is_shown_with_its_fields_marked(sandbox: Sandbox, tmp_path: Path) -> None:
    assert "error" in post(sandbox, startedAt="soon")
    with urllib.request.urlopen(f"{sandbox.url}/pages/calls", timeout=60) as answer:  # noqa: S310 - loopback
        [row] = json.load(answer)["rows"]

    page = opened(f"{sandbox.url}/refused/{row['seq']}", tmp_path)

    assert page.console == ()
    assert "✕ refused, " in page.html
    assert "<code>startedAt</code>" in page.html
    assert "<mark>" in page.html


def test_a_call_that_is_not_there_is_said_to_be_missing(sandbox: Sandbox, tmp_path: Path) -> None:
    for place, path in enumerate(("/calls/none", "/calls/%E0%A4%A", "/calls/%3Cimg%3E", "/refused/77")):
        page = opened(f"{sandbox.url}{path}", tmp_path / str(place))

        assert "This call is not here" in page.html
        assert "<img" not in page.html
