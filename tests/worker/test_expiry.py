"""Names are looked at again when their time has come, also by a worker with other waits than that which planned it."""

from __future__ import annotations

import pytest

from roark_otel._worker.expiry import MAX_STEP_MS, Expiry
from worker.line import Memory

S = 1000
NOW = 1_800_000_000_000
# The shortest wait and the longest one.
WAITS = {"short": (2 * S, 60 * S), "usual": (60 * S, 600 * S), "a day": (86_400 * S, 86_400 * S)}


class CountedMemory(Memory):
    """A state that counts how often it is read."""

    reads = 0

    def get_bytes(self, key: str, default: None = None) -> bytes | None:
        self.reads += 1
        return super().get_bytes(key, default)


def loaded(name: str, now_ms: int, state: Memory) -> Expiry:
    found = Expiry(WAITS[name][0])
    found.load(now_ms, state)
    return found


@pytest.mark.parametrize("after", WAITS)
@pytest.mark.parametrize("before", WAITS)
def test_other_waits_lose_no_plan_and_read_little(before: str, after: str) -> None:
    state = CountedMemory()
    first = loaded(before, NOW, state)
    longest = WAITS[before][1]
    plans = {f"name-{each}": NOW + longest * each // 10 for each in range(1, 11)}
    for name, at_ms in plans.items():
        first.plan(name, at_ms, state)
    later = NOW + longest // 2
    state.reads = 0
    second = loaded(after, later, state)
    assert state.reads < 10_000
    found = [name for name, _ in second.due(later, state)]
    assert set(found) <= {name for name, at_ms in plans.items() if at_ms <= later}
    second.plan("new", later + S, state)
    end = max(NOW + longest, later + S) + 2 * MAX_STEP_MS
    found += [name for name, _ in second.due(end, state)]
    assert sorted(found) == sorted([*plans, "new"])
    assert [key for key in state if key.startswith("x/")] == []


@pytest.mark.parametrize("name", WAITS)
def test_a_long_absence_and_a_long_rest_read_little(name: str) -> None:
    state = CountedMemory()
    loaded(name, NOW, state).plan("one", NOW + S, state)
    state.reads = 0
    later = NOW + 365 * 86_400 * S
    expiry = loaded(name, later, state)
    assert [found for found, _ in expiry.due(later, state)] == ["one"]
    later += 365 * 86_400 * S
    assert [*expiry.due(later, state)] == []
    expiry.plan("two", later + S, state)
    expiry = loaded(name, later, state)
    assert [found for found, _ in expiry.due(later + 2 * MAX_STEP_MS, state)] == ["two"]
    assert state.reads < 10_000
