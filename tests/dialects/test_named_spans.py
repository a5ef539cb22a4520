"""The names of spans that a dialect is given, and what its reader reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roark_otel._model.dialect import Dialect
from roark_otel.dialects import ROARK
from roark_otel.dialects.heard import names as heard
from roark_otel.dialects.livekit import LIVEKIT
from roark_otel.dialects.livekit.reader import LiveKitReader
from support.live import Finished, Live, texts

if TYPE_CHECKING:
    from roark_otel._model.rows import SpanView


class Names:
    """A reader that notes which spans it is given."""

    def __init__(self, given: list[str]) -> None:
        self._given = given

    def read(self, span: SpanView) -> None:
        self._given.append(span.name)

    def moments(self) -> tuple[()]:
        return ()


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (frozenset({"phone_call", "speech"}), ["phone_call", "speech"]),
        (frozenset[str](), ["phone_call", "speech", "silence"]),
    ],
)
def test_a_reader_is_given_the_spans_of_its_scopes_that_the_dialect_names(
    named: frozenset[str], expected: list[str]
) -> None:
    """Other dialects read what they know on all of them."""
    given: list[str] = []
    dialect = Dialect(name="switchboard", reader=lambda _: Names(given), scopes=frozenset({"switchboard"}), spans=named)
    live = Live((ROARK, dialect))
    live.start(1, scope="switchboard", name="phone_call", external_id="call-1", marked=True)
    for span_id, name in enumerate(("speech", "silence"), 2):
        live.start(span_id, 1, scope="switchboard", name=name)
        live.end(span_id, f"Said in {name}.")
    live.end(1)
    (finished,) = live.after(2.0)

    assert isinstance(finished, Finished)
    assert texts(finished) == ["Said in speech.", "Said in silence."]
    assert given == expected


def test_livekit_is_given_exactly_the_spans_that_its_reader_reads() -> None:
    assert frozenset(LiveKitReader._READ) | heard.SPANS == LIVEKIT.spans
