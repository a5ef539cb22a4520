"""The arguments of the processor that are not settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import RoarkSpanProcessor
from roark_otel._model.hooks import Hooks
from roark_otel.types import Dialect
from support.helpers import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable


class SilentReader:
    """Reads nothing."""

    def read(self, span: object) -> None:
        """Ignores the span."""

    def moments(self) -> Iterable[Any]:
        return ()


OWN = Dialect(name="own", reader=lambda _: SilentReader(), scopes=frozenset({"own-stack"}))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("settings", "x"),
        ("settings", {"api_key": KEY}),
        ("recording_url", "not a URL"),
        ("redact", 7),
        ("dialects", [1]),
        ("dialects", [OWN, "pipecat"]),
    ],
)
def test_an_argument_of_the_wrong_type_is_one_line_that_says_which(argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^roark_otel: {argument}: must be [^\n]+$"):
        RoarkSpanProcessor(**{"api_key": KEY, argument: value})


def test_dialects_may_be_an_iterator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both the engine and the export of traces read them."""
    read: list[tuple[Dialect, ...]] = []
    monkeypatch.setattr(
        "roark_otel._traces.exporter.conversation_traces", lambda *args, **_: read.append(tuple(args[2]))
    )

    dialects: Any = iter([OWN])
    made: Any = RoarkSpanProcessor(api_key=KEY, spool="memory", export_traces=True, dialects=dialects)

    assert read == [(OWN,)]
    assert made._engine.is_like(made._settings, [OWN], Hooks())


def test_the_repr_of_a_dialect_is_short() -> None:
    """It stands in the signature of the processor, which `help` shows."""
    assert repr(OWN) == "<Dialect own>"
