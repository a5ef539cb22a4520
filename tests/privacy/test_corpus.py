"""What redaction finds, measured on a corpus; nothing is missed, or half shown, where a text is divided or cut."""

from __future__ import annotations

import re

import pytest

from privacy.corpus import (
    ADDRESSES,
    CARDS,
    INNOCENT,
    PHONES,
    TRUE,
    Secret,
    card_forms,
    grouped,
    mail_forms,
    phone_forms,
)
from roark_otel._model.cut_marks import BEYOND
from roark_otel._privacy.passages import PIECE
from roark_otel._privacy.patterns import Patterns
from support.paths import ROOT

ALL = Patterns(["card", "phone", "email"])

FORMS = [
    *card_forms(CARDS[0]),
    *card_forms(CARDS[9]),
    *phone_forms(PHONES[0]),
    *mail_forms(ADDRESSES[1]),
    "J.R.Hartley@mail.example.com",
]
"""Each form of each kind once."""

FILLER = "la la "


def digits(text: str) -> list[str]:
    return [one for one in text if one.isdecimal()]


def is_found(secret: Secret) -> bool:
    """Returns whether nothing of a secret is left, and all that is around it."""
    out = ALL.text(secret.text)
    if secret.written in out or "[" not in out:
        return False
    if secret.kind == "email":
        return "example" not in out.lower()
    return digits(out) == digits(secret.before + secret.after)


def measured() -> tuple[int, float, int, float]:
    """Returns how many true strings there are, the share that is found, and the same of innocent ones, in %."""
    found = sum(map(is_found, TRUE))
    alarms = sum(ALL.text(text) != text for text in INNOCENT)
    return len(TRUE), 100 * found / len(TRUE), len(INNOCENT), 100 * alarms / len(INNOCENT)


def test_the_corpus_is_large_and_has_no_string_twice() -> None:
    assert len({one.text for one in TRUE}) >= 300
    assert len(set(INNOCENT)) >= 300
    assert {one.kind for one in TRUE} == {"card", "phone", "email"}


def test_the_page_states_what_is_measured() -> None:
    text = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    said = re.findall(r"(\d+) true\s+strings[^.]*?([\d.]+) % are\s+found[^.]*?(\d+) innocent[^.]*?([\d.]+) %", text)
    true, recall, innocent, alarms = measured()
    assert said == [(str(true), f"{recall:.1f}", str(innocent), f"{alarms:.1f}")]


def test_it_finds_nearly_all_and_alarms_rarely() -> None:
    _, recall, _, alarms = measured()
    assert recall >= 98
    assert alarms <= 2


def test_only_what_is_written_in_words_is_missed() -> None:
    missed = [one for one in TRUE if not is_found(one)]
    assert missed
    assert all(re.search("[a-zO] |@ | @", one.written) for one in missed)


@pytest.mark.parametrize("kind", ["card", "phone", "email"])
def test_a_kind_alone_finds_its_own(kind: str) -> None:
    """Another kind of the same text stays."""
    alone = Patterns([kind])  # type: ignore[list-item]
    of_kind = [one for one in TRUE if one.kind == kind and is_found(one)]
    assert all(f"[{kind}]" in alone.text(one.text) for one in of_kind)
    assert alone.text(" ".join(INNOCENT[:64])).count("[") == 0


# Seams and cuts


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_missed_at_a_seam(form: str) -> None:
    """At every offset, of every seam: a long text is read in pieces."""
    for seam in (PIECE, PIECE + BEYOND):
        for offset in range(len(form) + 3):
            before = (FILLER * PIECE)[-(seam - offset + 1) :]
            text = f"{before} {form} {FILLER * 80}"
            out = ALL.text(text)
            assert (digits(out), "example" in out.lower()) == ([], False), offset
            assert out.count("[") == 1


def around_a_cut(form: str, limit: int) -> list[int]:
    """Returns where a form begins so that it is at a cut, at the limit, or at the end of what is read beyond."""
    places = (limit - 40, limit, limit + BEYOND)
    return sorted({place + offset for place in places for offset in range(-len(form) - 2, 3)})


@pytest.mark.parametrize("form", FORMS)
def test_no_half_is_shown_at_a_cut(form: str) -> None:
    """At every offset, also where what is found before it makes the text shorter or longer."""
    limit = 600
    others_too = ("4111111111111111 " * 20, "a@b.io " * 40) if form in FORMS[::5] else ()
    for others in ("", *others_too):
        for start in around_a_cut(form, limit):
            text = f"{(others + FILLER * 200)[: start - 1]} {form} {FILLER * 200}"
            out = ALL.text(text, limit)
            assert len(out) <= limit
            shown, mark, _ = out.partition("… [cut, ")
            assert mark
            assert (digits(shown), "xample" in shown.lower()) == ([], False), start


def test_a_cut_text_says_how_long_it_was() -> None:
    text = f"4111111111111111 {FILLER * 500}"
    assert ALL.text(text, 600).endswith(f"… [cut, {len(text)} characters]")
    assert ALL.text(ALL.text(text, 600), 300).endswith(f"… [cut, {len(text)} characters]")
    assert ALL.text(text[:600], 600) == f"[card]{text[16:600]}"


def test_two_numbers_that_follow_each_other() -> None:
    assert ALL.text(f"{grouped(CARDS[0], ' ')} {grouped(CARDS[5], ' ')}").strip("[card] ") == ""


def test_a_number_over_two_texts_is_not_found() -> None:
    """As the documents say: each utterance is read by itself."""
    halves = ["It is 4111 1111", "1111 1111, yes."]
    assert [ALL.text(one) for one in halves] == halves
    assert "two utterances" in (ROOT / "docs/privacy.md").read_text(encoding="utf-8")


# Lists


def test_a_number_that_is_written_as_a_list() -> None:
    assert ALL.value(["+1", "555", "010", "0199"]) == ["[phone]"] * 4
    assert ALL.value(["4111 ", "1111 ", "1111 ", "1111"]) == ["[card]"] * 4
    assert ALL.value({"card": [4111, 1111, 1111, 1111], "n": 1}) == {"card": ["[card]"] * 4, "n": 1}
    assert ALL.value([*"4111111111111111"]) == ["[card]"] * 16
    assert ALL.value(["555", "010", "0123"]) == ["[phone]"] * 3
    assert ALL.value([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert ALL.value([4111, 1111, True, 1111, 1111]) == [4111, 1111, True, 1111, 1111]
    assert ALL.value([{"a": ["4111111111111111", 7]}]) == [{"a": ["[card]", 7]}]
