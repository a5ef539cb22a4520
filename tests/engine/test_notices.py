"""Warnings about conversations: each says what it is about, and quotes no value that is missing."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from roark_otel._engine.notices import NOTICES, notify

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.parametrize(
    ("external_id", "span", "where"),
    [
        ("call-1", "talk", " (external_id=call-1, span=talk)"),
        ("call-1", "", " (external_id=call-1)"),
        (None, "talk", " (span=talk)"),
        (None, "", ""),
        (None, "100 %s", " (span=100 %s)"),
    ],
)
def test_a_notice_ends_with_what_is_known(
    external_id: str | None,
    span: str,
    where: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = uuid.uuid4().hex  # each kind is logged once per interval
    notices: Mapping[str, str] = {**NOTICES, kind: "it is not sent: set an id"}
    monkeypatch.setattr("roark_otel._engine.notices.NOTICES", notices)

    notify(kind, external_id, span)

    assert caplog.messages == [f"it is not sent: set an id{where}"]
