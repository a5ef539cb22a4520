"""What the list and the page of two calls compute, without a browser: see `list.test.mjs`."""

from __future__ import annotations

from pathlib import Path

from support.node import node


def test_what_the_list_computes() -> None:
    node("--test", Path(__file__).with_name("list.test.mjs"))
