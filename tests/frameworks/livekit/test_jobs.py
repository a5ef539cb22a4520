"""Calls of a real worker, whose job processes end without `atexit` and soon after their session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from frameworks.livekit.comparing import TELLS_WHY_IT_ENDED, compare_times, results, said, transcript
from frameworks.livekit.program import CUT_OFF, FIRST, HANGS_UP, PROCESSES, SECOND, SHUT_DOWN, THREADS
from frameworks.livekit.realtime_calls import TYPED
from frameworks.livekit.room import PHONE_NUMBER
from frameworks.livekit.scenarios import POLICY, ToolDesk

if TYPE_CHECKING:
    from frameworks.livekit.jobs import Worked
    from roark_otel.sandbox import Sandbox

MODES = dict.fromkeys(PROCESSES, "process") | dict.fromkeys(THREADS, "thread")


def body(roark: Sandbox, external_id: str) -> dict[str, Any]:
    return dict(roark.call(external_id).body)


@pytest.mark.parametrize("external_id", MODES)
def test_the_call_of_a_job_is_created_although_the_job_ends(workers: dict[str, Worked], external_id: str) -> None:
    worked = workers[MODES[external_id]]
    closed = worked.truth(external_id).closed

    assert external_id in worked.created
    print(f"  {external_id}: created {worked.created[external_id] - closed:.2f} s after the session's end")  # noqa: T201


@pytest.mark.parametrize("external_id", MODES)
def test_it_says_what_the_session_s_own_history_says(
    workers: dict[str, Worked], roark: Sandbox, external_id: str
) -> None:
    truth = workers[MODES[external_id]].truth(external_id)

    assert transcript(body(roark, external_id)) == said(truth)
    compare_times(body(roark, external_id), truth, typed=[TYPED])


@pytest.mark.parametrize("mode", ["process", "thread"])
def test_workers_end_and_leave_no_call_behind(workers: dict[str, Worked], mode: str) -> None:
    worked = workers[mode]

    assert worked.status == 0, worked.output()
    assert worked.left_in_spools() == []


def test_a_caller_who_hangs_up(workers: dict[str, Worked], roark: Sandbox) -> None:
    workers["process"].truth(HANGS_UP)
    call = body(roark, HANGS_UP)

    assert call["interfaceType"] == "PHONE"
    assert call["callDirection"] == "INBOUND"
    assert call["customer"] == {"phoneNumberE164": PHONE_NUMBER}
    assert call.get("endedStatus") == ("CUSTOMER_ENDED_CALL" if TELLS_WHY_IT_ENDED else None)
    assert ("livekitRoomId" in call) is TELLS_WHY_IT_ENDED


def test_a_job_that_the_app_shuts_down(workers: dict[str, Worked], roark: Sandbox) -> None:
    """Its app flushes the provider at the end, so its trace is there, too."""
    workers["process"].truth(SHUT_DOWN)

    assert results(body(roark, SHUT_DOWN)) == [ToolDesk.ORDER, ""]
    assert len(roark.call(SHUT_DOWN).trace_ids) == 1


def test_a_worker_that_closes_while_the_agent_speaks(workers: dict[str, Worked], roark: Sandbox) -> None:
    heard = said(workers["process"].truth(CUT_OFF))[-1][1]
    last = body(roark, CUT_OFF)["transcript"][-1]

    assert POLICY.startswith(heard)
    assert len(heard) < len(POLICY)
    assert (last["text"], last["payload"]["interrupted"]) == (heard, True)


def test_a_worker_with_threads_goes_on_after_its_first_call(workers: dict[str, Worked], roark: Sandbox) -> None:
    """Up to LiveKit 1.7 the app's provider is shut down after every job, and spans come nevertheless."""
    first, second = (workers["thread"].truth(external_id) for external_id in (FIRST, SECOND))

    assert first.closed < second.agent[0].start
    assert {text for _, text in transcript(body(roark, SECOND))} >= {"It is hot.", "Hotter still."}


@pytest.mark.parametrize(("mode", "external_ids"), [("process", list(PROCESSES)), ("thread", list(THREADS))])
def test_no_process_tried_to_leave_this_machine(workers: dict[str, Worked], mode: str, external_ids: list[str]) -> None:
    notes = [workers[mode].note(name) for name in ["worker", *external_ids]]

    assert [note["refused"] for note in notes] == [[]] * len(notes)
