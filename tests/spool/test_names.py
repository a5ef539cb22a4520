"""The grammar of the names of a spool's files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roark_otel._spool.names import (
    CallName,
    Stage,
    file_name,
    is_temporary,
    late_name,
    parse_file_name,
    parse_rejected_name,
    reason_name,
    rejected_name,
)
from support.spool_names import call_name

HASH = "5d7963c4f471e142f5a72214a9666fb1"
"""The hash of `call-1`."""

IDS = st.text(min_size=1, max_size=255)
SPAN_IDS = st.integers(0, 2**64 - 1)


def test_a_call_s_name_is_the_hash_of_its_id_and_its_root_s_span_id() -> None:
    name = call_name("call-1", 0x00F067AA0BA902B7)

    assert name == f"{HASH}-00f067aa0ba902b7"
    assert CallName.parse(name) == CallName(HASH, "00f067aa0ba902b7")
    assert late_name(name, 0x18C2B1A2F3D4E5F6) == f"{HASH}-00f067aa0ba902b7-18c2b1a2f3d4e5f6"


@given(IDS, SPAN_IDS, SPAN_IDS)
def test_a_name_is_parsed_into_what_it_was_made_of(external_id: str, root: int, number: int) -> None:
    call = call_name(external_id, root)
    late = late_name(call, number)

    assert (str(CallName.parse(call)), str(CallName.parse(late))) == (call, late)
    assert (str(CallName.parse(call).call), str(CallName.parse(late).call)) == (call, call)
    assert (CallName.parse(call).late, CallName.parse(late).late) == ("", f"{number:x}")
    assert CallName.parse(call).id_hash == CallName.parse(late).id_hash


@given(st.text())
def test_a_name_that_this_package_did_not_make_is_parsed_too(name: str) -> None:
    assert CallName.parse(name).call.late == ""
    assert name.startswith(CallName.parse(name).id_hash)


@pytest.mark.parametrize("stage", Stage)
def test_a_file_s_name_is_parsed_into_the_call_s_name_and_its_stage(stage: Stage) -> None:
    assert file_name("a-1", stage) == f"a-1.{stage.name.lower()}.jsonl"
    assert parse_file_name(file_name("a-1", stage)) == ("a-1", stage)


@pytest.mark.parametrize("text", ["", ".ready.jsonl", "a.jsonl", "a.READY.jsonl", "a.ready.jsonl.tmp", "a.txt", "a"])
def test_a_file_of_another_name_is_not_a_call_s(text: str) -> None:
    assert parse_file_name(text) is None


def test_a_rejected_call_and_its_reason_have_a_file_each() -> None:
    assert (rejected_name("a-1"), reason_name("a-1")) == ("a-1.jsonl", "a-1.reason.json")
    assert (parse_rejected_name("a-1.jsonl"), parse_rejected_name("a-1.reason.json")) == ("a-1", None)


@pytest.mark.parametrize(("text", "expected"), [(".x1y2.tmp", True), ("x.tmp", False), (".x.jsonl", False)])
def test_a_file_that_is_being_written_is_recognised(text: str, expected: bool) -> None:
    assert is_temporary(text) is expected
