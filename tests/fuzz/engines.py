"""The two ways to make inputs: hypothesis draws them, atheris changes bytes by what code they reach.

Both know an input by the same strategies, so what either finds is checked again without it.
"""

from __future__ import annotations

import importlib.util
import random
import shutil
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

import hypothesis
from hypothesis import HealthCheck, given

from fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXAMPLES: Final = 100
"""The inputs of one round, which one seed decides."""

MAX_SECONDS: Final = 120
"""An input that takes longer hangs."""

FOUND: Final = 77
"""The status with which a process ends that has found something; libFuzzer's own."""


def has_atheris() -> bool:
    """Returns whether atheris is installed: it has no packages for some Pythons and machines."""
    return importlib.util.find_spec("atheris") is not None


def trial_of(target: str, examples: int = EXAMPLES) -> Any:
    """Returns the test of a target, as hypothesis runs it."""

    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
    )
    @given(TARGETS[target].inputs)
    def test(one: Any) -> None:
        TARGETS[target].checked(one)

    return test


def draw(target: str, seconds: float, seed: int, crashes: Path, examples: int = EXAMPLES) -> int:
    """Checks inputs that hypothesis draws, round after round, the seed of each one higher.

    Returns:
        0, or `FOUND` if an input failed: its report is in `crashes`, with the command that fails again.
    """
    until = time.monotonic() + seconds
    rounds = 0
    while rounds == 0 or time.monotonic() < until:
        try:
            hypothesis.seed(seed + rounds)(trial_of(target, examples))()
        except BaseException as fault:  # noqa: BLE001 - what leaves a target is what is looked for
            report = crashes / f"{target}-{seed + rounds}.txt"
            again = f"make fuzz FUZZ_TARGET={target} FUZZ_SEED={seed + rounds} FUZZ_ENGINE=hypothesis"
            report.write_text(f"{again}\n\n{''.join(traceback.format_exception(fault))}", encoding="utf-8")
            print(f"{target}: found with seed {seed + rounds}; {report}\nagain: {again}", flush=True)
            return FOUND
        rounds += 1
    print(f"{target}: {rounds} rounds of {examples} inputs, seeds {seed} to {seed + rounds - 1}, nothing", flush=True)
    return 0


def mutate(target: str, seconds: float, seed: int, crashes: Path) -> int:
    """Lets atheris change bytes until the time is over. It ends the process itself; what failed is in `crashes`."""
    import atheris

    corpus = crashes / f"corpus-{target}"
    shutil.rmtree(corpus, ignore_errors=True)
    corpus.mkdir()
    chosen = random.Random(seed)  # noqa: S311
    for number in range(32):  # of short bytes no strategy can make an input
        (corpus / str(number)).write_bytes(chosen.randbytes(128 << number % 6))
    # libFuzzer prints how far it came, and for what it finds the trace of Python and the file.
    options = [
        f"-max_total_time={max(1, round(seconds))}",
        f"-seed={seed % 2**32 or 1}",
        f"-artifact_prefix={crashes}/{target}-",
        f"-timeout={MAX_SECONDS}",
        "-rss_limit_mb=2048",
        "-max_len=4096",
        "-len_control=0",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], instrumented(target))
    atheris.Fuzz()
    return 0


def instrumented(target: str) -> Callable[[bytes], object]:
    """Returns what checks the input that bytes stand for."""
    one: Callable[[bytes], object] = trial_of(target).hypothesis.fuzz_one_input
    return one


def again(target: str, file: Path) -> int:
    """Checks the input of a file that atheris left, which raises as it did then.

    Returns:
        0 if nothing fails any more.
    """
    instrumented(target)(file.read_bytes())
    print(f"{target}: {file.name} does not fail any more")
    return 0
