"""Patterns of the app's own: those that could hold the interpreter are refused, all others find what they should."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import Any

import pytest

from roark_otel import RoarkSpanProcessor
from roark_otel._privacy import attacks, backtracking
from roark_otel._privacy.attacks import is_linear
from roark_otel._privacy.own_patterns import MOST, linear, matches
from roark_otel._privacy.patterns import Patterns

SLOW = [
    *(r"(a+)+$", r"(a|a)*b", r"(.*a){20}", r"(?=(a+)+b)x", r"(a+)\1+$", r"(\w+)\s\1", r"\w+@\w+", r"(\d+)*x"),
    *(r"(?:a|aa)+$", r"^(\w+\s?)*$", r"(x+x+)+y", r"\s+$", r"(?=a{100})(a+)+$", r"(([a-z])+.)+[A-Z]([a-z])+$"),
    *(r"(?:X(?:a|b|ab)*)*c", r"(?i)(?:ab|AB)*c", r"(.+)(.+)(.+)z", r"a*a*a*b", r"(?:\d+|[0-9a-f]+)*x"),
    *(r"<(?:[^>]+|x)*>", r"(?:(?:foo|f)o*)+!", r"(?<=x)(y+)+z", r"((a*)*)*b", r"(?:[ab]{1,30}){1,30}c"),
    *(r"(?=.*(a+)+\1)b", r"(é|É|.)*ü", r"[^\W]+_[^\W]+@", r"^(?:a?){30}a{30}$", r"(?:(?:a*?)*?)*?b", r"(?s)(.|\n)*x"),
    *(
        r"(?!(a+)+b)c",
        r"(?!(?!(a+)+$))x",
        r"(?x) ( a + ) + $",
        r"(?:\w|\d)+!",
        r"(?P<n>a+)(?P=n)+b",
        r"(a)?(?(1)a*a*|b)c",
    ),
    *(r"id=(\d+)+;", r"(?:key|k)(?:e|y|ey)*=", r"\d+-\d+-X", r"(?m)^(\s*\w*)*$", r"[\w.+-]+@[\w-]+\.[\w.-]+"),
    *(r"id: .*?secret", r"(?s)BEGIN.*?END", r"\bfoo.*bar"),
]

QUICK = [
    *(
        r"policy \d+",
        r"\bpolicy \d+\b",
        r"\d{4}-\d{4}",
        r"\w{1,64}@\w{1,64}",
        r"[A-Z]{2}\d{6,9}",
        r"x",
        r"\d+",
        r"[^@]+",
    ),
    *(
        r"(?i)order\s?#?\d{1,12}",
        r"(?:foo|bar|baz)+",
        r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b",
        r"(?:\d[ -]?){13,16}",
    ),
    *(r"https?://\S+", r"(?<!\d)\d{9}(?!\d)", r"secret:.*", r"(?s)BEGIN.{0,200}END", r"(\d)\1{3}", r"(a)?b(?(1)c|d)"),
    *(r"\bnull\b", r"(?i)straße \d{1,4}", r"^x", r"x$", r"(?<=id )\w{1,32}", r"[\u0660-\u0669]{4,19}"),
]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_that_is_not_linear_is_refused(pattern: str) -> None:
    """Without being run: the trial counts steps of its own, so that even one that would never end is over at once."""
    assert not is_linear(re.compile(pattern))
    with pytest.raises(ValueError, match="may take more than linear time") as fault:
        RoarkSpanProcessor(api_key="key", spool="memory", redact_patterns=["card", re.compile(pattern)])
    assert pattern not in str(fault.value)


@pytest.mark.parametrize("pattern", QUICK)
def test_a_linear_pattern_is_accepted(pattern: str) -> None:
    assert linear(re.compile(pattern)).pattern == pattern


@pytest.mark.parametrize("pattern", SLOW)
def test_the_trial_ends_after_a_bounded_number_of_steps(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    steps = backtracking.Machine.steps

    def noted(self: Any, text: str, most: int) -> int:
        try:
            return steps(self, text, most)
        finally:
            taken.append(min(most, most - self._left))

    monkeypatch.setattr(backtracking.Machine, "steps", noted)
    is_linear.cache_clear()
    is_linear(re.compile(pattern))
    assert 0 < sum(taken) < 4_000_000


@pytest.mark.parametrize("pattern", QUICK)
def test_the_real_thing_is_linear_too(pattern: str) -> None:
    """On the texts of the trial, by its own time, the best of several: the trial did not miss what `re` really does."""
    compiled = re.compile(pattern)
    nodes = backtracking.parsed(compiled)
    machine = backtracking.Machine(nodes, compiled.flags)

    def seconds(attack: tuple[str, str, str], length: int) -> float:
        text, best = attacks._text(attack, length), float("inf")
        for _ in range(3):
            began = time.thread_time()
            for _ in compiled.finditer(text):
                pass
            best = min(best, time.thread_time() - began)
        return best

    for attack in list(attacks._attacks(nodes, machine, compiled.flags))[::5]:
        assert seconds(attack, 16_000) < 10 * seconds(attack, 4_000) + 0.005


TEXTS = ["", "a", "aab", "abab", "policy 17", "a1-b2", "x\ny", "é", "1111", "secret: x", "aaa_b", "order #12", "b" * 9]


@pytest.mark.parametrize(
    "pattern", [*QUICK, r"(a|b)+?b", r"a??b", r"\Ba", r"(?:)", r"(?=a)a(?!b)", r"\Aa|b\Z", r"[^a-c]{2}"]
)
def test_the_trial_matches_what_re_matches(pattern: str) -> None:
    compiled = re.compile(pattern)
    machine = backtracking.Machine(backtracking.parsed(compiled), compiled.flags)
    machine._left = 1_000_000
    for text in TEXTS:
        for at in range(len(text) + 1):
            real = compiled.match(text, at) if not pattern.startswith("^") or at == 0 else None
            assert machine._run(machine._program, text, at) == (None if real is None else real.end()), (text, at)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no possessive repetition")
def test_possessive_and_atomic_groups() -> None:
    assert is_linear(re.compile(r"x(?>a+)b"))
    assert is_linear(re.compile(r"policy \d++x"))
    assert not is_linear(re.compile(r"(?>(a+)+b)"))


def test_without_a_parser_only_patterns_without_repetition_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another Python may hide it: then nothing is accepted that cannot be tried."""

    def none(_: str) -> Any:
        raise ImportError

    monkeypatch.setattr(backtracking, "import_module", none)
    is_linear.cache_clear()
    assert not is_linear(re.compile(r"\d+"))
    assert not is_linear(re.compile(r"(ab){2}"))
    assert is_linear(re.compile(r"policy \d\d\d"))
    is_linear.cache_clear()


def test_a_pattern_that_is_too_large_to_try_is_refused() -> None:
    assert not is_linear(re.compile(r"(?:(?:ab{0,99}){0,99}c){0,99}"))


@pytest.mark.parametrize("pattern", [re.compile(b"x"), "(", 3, None])
def test_what_is_no_pattern_of_text_is_refused(pattern: Any) -> None:
    with pytest.raises(ValueError, match="redact_patterns"):
        RoarkSpanProcessor(api_key="key", spool="memory", redact_patterns=[pattern])


# What is found


def found(pattern: str, text: str) -> list[str]:
    return [text[start:end] for start, end in matches(re.compile(pattern), text, lambda: None)]


@pytest.mark.parametrize("offset", [*range(-12, 13), -MOST // 2, MOST // 2, 3 * MOST])
def test_a_match_is_found_wherever_a_piece_ends(offset: int) -> None:
    for seam in (MOST, MOST // 2, MOST + MOST // 2):
        text = "la " * ((seam + offset) // 3) + "policy 123456 " + "la " * MOST
        assert found(r"policy \d{6}", text) == ["policy 123456"]
        assert found(r"policy \d+", text) == ["policy 123456"]
        assert found(r"(?<!x)policy\b.\d{1,20}\b", text) == ["policy 123456"]


def test_a_match_as_long_as_a_piece_is_replaced_as_a_whole() -> None:
    text = "la " * 1_000 + "key:" + "x" * 4_000 + " la" * 900
    assert Patterns([re.compile(r"key:\w+")]).text(text) == "la " * 1_000 + "[redacted]" + " la" * 900


def test_empty_matches_change_nothing() -> None:
    assert Patterns([re.compile(r"\d*")]).text("a 12 b") == "a [redacted] b"
    assert Patterns([re.compile(r"")]).text("abc") == "abc"


def test_own_patterns_see_the_text_before_anything_is_replaced_and_win() -> None:
    own = Patterns(["card", re.compile(r"card \d{4}")])
    assert own.text("card 4111 1111 1111 1111") == "[redacted] 1111 1111 1111"


def test_own_patterns_in_values() -> None:
    value = json.loads('{"a": ["policy 17", {"b": "policy 18"}], "policy 19": 1}')
    assert Patterns([re.compile(r"policy \d+")]).value(value) == {
        "a": ["[redacted]", {"b": "[redacted]"}],
        "policy 19": 1,
    }
