"""Where a text goes on that repeats an earlier one."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from roark_otel._model.growth import Growth

MESSAGES = [{"role": "user", "content": f"{number} where is the order? " * 4} for number in range(9)]


def history(*numbers: int, prompt: str = "Be kind.") -> str:
    return json.dumps([{"role": "system", "content": prompt}, *(MESSAGES[number] for number in numbers)])


def read(*texts: str) -> Growth[int]:
    """Returns what is remembered of texts that were read up to their closing bracket, numbered in order."""
    growth: Growth[int] = Growth()
    for number, text in enumerate(texts):
        growth.remember(text, len(text) - 1, number)
    return growth


def test_a_text_goes_on_with_the_one_that_was_read_furthest() -> None:
    growth = read(history(1), history(1, 2), history(7))

    assert growth.known(history(1, 2, 3)) == (len(history(1, 2)) - 1, 1)
    assert growth.known(history(1, 3)) == (len(history(1)) - 1, 0)
    assert growth.known(history(2)) is None


def test_only_the_last_few_texts_are_remembered() -> None:
    growth = read(history(1), *(history(number) for number in range(2, 6)))

    assert growth.known(history(1, 2)) is None
    assert growth.known(history(2, 3)) == (len(history(2)) - 1, 1)


def test_the_end_of_a_text_is_found_behind_another_beginning() -> None:
    growth = read(history(1, 2, 3))
    changed, window = history(1, 2, 3, 4, prompt="Be brief."), history(3, 4)

    end, back, left = growth.moved(changed, changed.index("}") + 1) or (0, 0, None)
    assert (changed[end:], left) == (history(4)[history(4).index("}") + 1 :], 0)
    assert changed[end - 9 : end] == history(1, 2, 3)[end + back - 9 : end + back]
    end, _, left = growth.moved(window, window.index("}") + 1) or (0, 0, None)
    assert (window[end:], left) == (history(4)[history(4).index("}") + 1 :], 0)


def test_a_text_that_differs_later_is_not_moved() -> None:
    growth = read(history(1, 2, 3))
    other = history(1, 2, 4, prompt="Be brief.")

    assert growth.moved(other, other.index("}") + 1) is None
    assert growth.moved("[]", 1) is None


@given(st.text("ab[", max_size=200), st.text("ab[", max_size=200), st.text("ab[", max_size=100))
def test_what_is_found_is_the_same_in_both(earlier: str, beginning: str, new: str) -> None:
    growth: Growth[None] = Growth()
    growth.remember(earlier, len(earlier), None)
    text = beginning + earlier[len(earlier) // 2 :] + new

    if (known := growth.known(text)) is not None:
        assert text[: known[0]] == earlier
    if (moved := growth.moved(text, len(beginning))) is not None:
        end, back, _ = moved
        assert text[len(beginning) : end] == earlier[len(beginning) + back : end + back]
        assert end + back == len(earlier)
