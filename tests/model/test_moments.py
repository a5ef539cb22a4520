"""Moments that are made by a short way are the same as others."""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from roark_otel._model.moments import CALLS_AGENT, CALLS_CUSTOMER, Utterance, utterance

MADE = utterance(CALLS_AGENT, "Hello.", 1, 2, "en", {"interrupted": True})
AS_ITS_CLASS_MAKES_IT = Utterance(CALLS_AGENT, "Hello.", 1, 2, "en", {"interrupted": True})


def test_an_utterance_made_the_short_way_is_one() -> None:
    assert type(MADE) is Utterance
    assert MADE == AS_ITS_CLASS_MAKES_IT
    assert repr(MADE) == repr(AS_ITS_CLASS_MAKES_IT)
    assert replace(MADE, speaker=CALLS_CUSTOMER, text="Hi.") == replace(
        AS_ITS_CLASS_MAKES_IT, speaker=CALLS_CUSTOMER, text="Hi."
    )
    assert copy.deepcopy(MADE) == AS_ITS_CLASS_MAKES_IT


def test_an_utterance_made_the_short_way_is_frozen() -> None:
    anything: Any = MADE
    with pytest.raises(FrozenInstanceError):
        anything.text = "Other words."
