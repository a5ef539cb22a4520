"""How fast and how sure LiveKit's services were: of each entry, and of the call.

Turns say how long it took to understand the customer and to answer. Models and voices report their first byte since
1.5 on their nodes, before only in the metrics of each request, which do not say whose turn it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from roark_otel._model.moments import Fact
from roark_otel._model.reading import MAX_DURATION_MS, number, parsed
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.below import Below, add_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel._model.rows import SpanView

_MILLIONTHS = 1_000_000
_MAX_SECONDS = MAX_DURATION_MS / 1000

_WRITTEN: Final = {key: re.compile(rf'"{key}(Ms)?": ?(-?[0-9.]+)[,}}]') for key in ("ttft", "ttfb")}

_Measured: TypeAlias = "tuple[int, int, int]"
"""When the measured span began, in ns since the epoch, its id, and how many millionths it reported."""


class Speeds:
    """Gathers what spans that have ended measured, in any order of spans."""

    __slots__ = ("_answers", "_models", "_requests", "_sure", "_understood", "_voices")

    def __init__(self) -> None:
        self._sure: dict[int, int] = {}
        self._understood: dict[int, int] = {}
        self._answers: dict[int, int] = {}
        self._models: Below[_Measured] = {}
        self._voices: Below[_Measured] = {}
        self._requests: dict[str, dict[int, object]] = {"ttft": {}, "ttfb": {}}

    def user_turn(self, span: SpanView) -> None:
        """Takes in how sure the words of the customer are, and how long it took to understand them."""
        _keep(self._sure, span, names.CONFIDENCE)
        _keep(self._understood, span, names.TRANSCRIPTION_DELAY)

    def agent_turn(self, span: SpanView) -> None:
        """Takes in how long it took to answer."""
        _keep(self._answers, span, names.E2E_LATENCY)

    def llm_node(self, span: SpanView) -> None:
        """Takes in the first byte of a model."""
        _keep_below(self._models, span, names.TTFT)

    def tts_node(self, span: SpanView) -> None:
        """Takes in the first byte of a voice."""
        _keep_below(self._voices, span, names.TTFB)

    def llm_request(self, span: SpanView) -> None:
        """Takes in the metrics of a request to a model, parsed only where no node says the same."""
        if (metrics := span.attributes.get(names.LLM_METRICS)) is not None:
            self._requests["ttft"][span.span_id] = metrics

    def tts_request(self, span: SpanView) -> None:
        """Takes in the metrics of a request to a voice, parsed only where no node says the same."""
        if (metrics := span.attributes.get(names.TTS_METRICS)) is not None:
            self._requests["ttfb"][span.span_id] = metrics

    def metrics(self) -> Iterable[object]:
        """Returns the metrics of all requests, as they were written."""
        return (text for several in self._requests.values() for text in several.values())

    def take_delays_as_ms(self) -> None:
        """Takes the delays of the customer's turns, which were read as seconds, for milliseconds.

        A turn that is committed because the session closes has the confidence 0 and no delay: nothing was measured.
        """
        unmeasured = {key for key, sure in self._sure.items() if not sure and not self._understood.get(key)}
        self._sure = {key: sure for key, sure in self._sure.items() if key not in unmeasured}
        understood = self._understood.items()
        self._understood = {key: round(delay / 1000) for key, delay in understood if key not in unmeasured}

    def of_customer(self, turn_id: int) -> dict[str, object]:
        """Returns what is known of a turn of the customer, as a payload."""
        found: dict[str, object] = {}
        if (sure := self._sure.get(turn_id)) is not None:
            found["confidence"] = sure / _MILLIONTHS
        if (understood := self._understood.get(turn_id)) is not None:
            found["stt_ttfb_ms"] = _ms(understood)
        return found

    def of_agent(self, turn_id: int, start_ns: int, *, is_first: bool) -> dict[str, object]:
        """Returns what is known of what the agent said from `start_ns` in a turn, as a payload.

        Args:
            turn_id: The agent's turn.
            start_ns: When it was said.
            is_first: Whether the agent said nothing before in this turn.
        """
        found: dict[str, object] = {}
        if is_first and (answer := self._answers.get(turn_id)) is not None:
            found["response_latency_ms"] = _ms(answer)
        if (model := _before(self._models.get(turn_id), start_ns)) is not None:
            found["llm_ttfb_ms"] = _ms(model)
        if (voice := _before(self._voices.get(turn_id), start_ns)) is not None:
            found["tts_ttfb_ms"] = _ms(voice)
        return found

    def facts(self, when: tuple[int, int]) -> Iterator[Fact]:
        """Yields the medians of the call as properties."""
        for name, measured in (
            ("stt", [*self._understood.values()]),
            ("llm", _all(self._models) or self._reported("ttft")),
            ("tts", _all(self._voices) or self._reported("ttfb")),
        ):
            if measured:
                yield Fact(f"property.{name}_ttfb_ms", _ms(median(measured)), *when)

    def _reported(self, key: str) -> list[int]:
        found = (_millionths(_reported(metrics, key)) for metrics in self._requests[key].values())
        return [one for one in found if one is not None]


def _reported(metrics: object, key: str) -> object:
    """Returns what the metrics of a request say; a request that failed has none."""
    if isinstance(metrics, str):
        if key not in metrics:
            return None
        # As LiveKit writes it: a few characters of a long text.
        if metrics.endswith("}") and metrics.count(key) == 1 and (found := _WRITTEN[key].search(metrics)):
            return _in_seconds(found[2]) if found[1] else found[2]
    try:
        known = parsed(metrics) if isinstance(metrics, str) else metrics
    except ValueError:
        return None
    if not isinstance(known, Mapping):
        return None
    written = cast("Mapping[str, object]", known)
    return _in_seconds(written[f"{key}Ms"]) if f"{key}Ms" in written else written.get(key)


def _in_seconds(ms: object) -> float | None:
    found = number(ms)
    return None if found is None else found / 1000


def _keep(where: dict[int, int], span: SpanView, name: str) -> None:
    value = span.attributes.get(name)
    if value is not None and (found := _millionths(value)) is not None:
        where[span.span_id] = found


def _keep_below(where: Below[_Measured], span: SpanView, name: str) -> None:
    value = span.attributes.get(name)
    if value is not None and (found := _millionths(value)) is not None:
        add_below(where, span, (span.start_ns, span.span_id, found))


def _millionths(value: object) -> int | None:
    seconds = value if type(value) is float else number(value)  # one that is not finite is not in the range either
    # A negative one says that there was no first byte.
    return round(seconds * _MILLIONTHS) if seconds is not None and 0 <= seconds <= _MAX_SECONDS else None


def _ms(millionths: float) -> int:
    return round(millionths / 1000)


def _all(found: Mapping[int, Mapping[int, _Measured]]) -> list[int]:
    return [millionths for below in found.values() for _, _, millionths in below.values()]


def _before(below: Mapping[int, _Measured] | None, start_ns: int) -> int | None:
    """Returns the last of its kind in a turn that began before what was said then."""
    last: _Measured | None = None
    for one in below.values() if below else ():
        if one[0] <= start_ns and (last is None or one > last):
            last = one
    return None if last is None else last[2]
