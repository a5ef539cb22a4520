"""The fuzzers themselves: a few inputs of each, and that what one finds is kept, reported and found again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz import __main__ as program
from fuzz import engines, targets
from fuzz.spans import Traced, traced
from fuzz.targets import TARGETS, Target
from fuzz.values import SECRET
from support.conversations import QUICK, bodies

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("target", TARGETS)
def test_a_few_inputs(target: str) -> None:
    """What `make fuzz` does for ten minutes."""
    hypothesis.seed(7)(engines.trial_of(target, 25))()


def test_words_are_there_to_be_found() -> None:
    """With content on, the word that must not be there with content off is in calls."""
    found: list[bool] = []

    @hypothesis.seed(7)
    @hypothesis.settings(QUICK, max_examples=300, database=None)
    @given(traced(is_odd=True))
    def look(one: Traced) -> None:
        found.extend(SECRET in body.decode() for body in bodies(targets._rows(one.spans, targets._EXACT)))

    look()
    assert found.count(True) > 3


def never_large(number: int) -> None:
    assert number < 1_000


@pytest.fixture(name="broken")
def _broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS, "broken", Target("numbers", st.integers(0, 10_000), never_large))


@pytest.mark.usefixtures("broken")
def test_what_is_found_is_reported_with_how_to_find_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engines.draw("broken", 60.0, 41, tmp_path) == engines.FOUND
    (report,) = tmp_path.iterdir()
    seed = int(report.stem.partition("-")[2])
    again = f"make fuzz FUZZ_TARGET=broken FUZZ_SEED={seed} FUZZ_ENGINE=hypothesis"
    assert report.read_text().startswith(again)
    assert "number=1000" in report.read_text().replace("one=1000", "number=1000")
    assert again in capsys.readouterr().out

    (tmp_path / "again").mkdir()
    assert engines.draw("broken", 0.0, seed, tmp_path / "again") == engines.FOUND


def test_one_seed_makes_the_same_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[Any]] = []
    for seed in (3, 3, 4):
        drawn: list[Any] = []
        monkeypatch.setitem(TARGETS, "seen", Target("texts", st.text(), drawn.append))
        assert engines.draw("seen", 0.0, seed, tmp_path) == 0
        seen.append(drawn)
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.usefixtures("broken")
def test_bytes_that_failed_fail_again(tmp_path: Path) -> None:
    file = tmp_path / "input"
    bytes_of = random.Random(1)  # noqa: S311
    for _ in range(1_000):
        file.write_bytes(bytes_of.randbytes(16))
        try:
            engines.again("broken", file)
        except AssertionError:
            break
    else:
        pytest.fail("no bytes stand for a large number")
    with pytest.raises(AssertionError):
        engines.again("broken", file)


def test_an_input_that_takes_too_much_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([0, targets.MAX_GROWTH])
    monkeypatch.setattr(targets, "_peak", lambda: next(peaks))
    with pytest.raises(AssertionError, match="gigabyte"):
        Target("", st.none(), lambda _: None).checked(None)


def test_without_atheris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is skipped, with the reason; the other engine runs in a process of its own."""
    monkeypatch.setattr(engines, "has_atheris", lambda: False)
    monkeypatch.setenv("PYTHONPATH", "tests")
    assert program.main(["--target", "answers", "--seconds", "0", "--seed", "1", "--crashes", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "atheris skipped" in said
    assert "seed 1" in said
    assert "1 passed, 0 failed" in said


def test_reports_go_outside_the_tree() -> None:
    assert not program.CRASHES.is_relative_to(program.__file__.partition("/tests/")[0])
