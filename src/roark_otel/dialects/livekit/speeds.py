"""How fast and how sure LiveKit's services were: of each entry, and of the call.

Turns say how long it took to understand the customer and to answer. Models and voices report their first byte since
1.5 on their nodes, before only in the metrics of each request, which do not say whose turn it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from roark_otel._model.moments import Fact
from roark_otel._model.reading import MAX_DURATION_MS, number, parsed
from roark_otel._model.rows import SPAN, START
from roark_otel.dialects.livekit.below import Below, add_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roark_otel._model.rows import Row
    from roark_otel.dialects.livekit.turns import AgentTurn, CustomerTurn, Generation

_MILLIONTHS = 1_000_000
_MAX_SECONDS = MAX_DURATION_MS / 1000

_WRITTEN: Final = {key: re.compile(rf'"{key}(Ms)?": ?(-?[0-9.]+)[,}}]') for key in ("ttft", "ttfb")}

_Measured: TypeAlias = "tuple[int, int, int]"
"""When the measured span began, in ns since the epoch, its id, and how many millionths it reported."""


class Speeds:
    """Gathers what spans measured that no turn and no answer of a model says, in any order of spans.

    Attributes:
        of_models: The metrics of requests to models, by the ids of their spans. Read only where no node says the same.
        of_voices: The same of requests to voices.
    """

    __slots__ = ("_voices", "of_models", "of_voices")

    def __init__(self) -> None:
        self._voices: Below[_Measured] = {}
        self.of_models: dict[int, object] = {}
        self.of_voices: dict[int, object] = {}

    def tts_node(self, row: Row, ttfb: object) -> None:
        """Takes in the first byte of a voice."""
        if (took := millionths(ttfb)) is not None:
            add_below(self._voices, row, (row[START], row[SPAN], took))

    def metrics(self) -> Iterable[object]:
        """Returns the metrics of all requests, as they were written."""
        return chain(self.of_models.values(), self.of_voices.values())

    def of_agent(
        self, turn: AgentTurn, generations: Iterable[Generation], start_ns: int, *, is_first: bool
    ) -> dict[str, object]:
        """Returns what is known of what the agent said from `start_ns` in a turn, as a payload.

        Args:
            turn: The agent's turn.
            generations: What models wrote in it.
            start_ns: When it was said.
            is_first: Whether the agent said nothing before in this turn.
        """
        found: dict[str, object] = {}
        if is_first and turn.latency is not None:
            found["response_latency_ms"] = round(turn.latency / 1000)
        model: Generation | None = None
        for one in generations:
            is_before = one.took is not None and one.start_ns <= start_ns
            if is_before and (model is None or (one.start_ns, one.span_id) > (model.start_ns, model.span_id)):
                model = one
        if model is not None and model.took is not None:
            found["llm_ttfb_ms"] = round(model.took / 1000)
        voice: _Measured | None = None
        for other in self._voices[turn.span_id].values() if turn.span_id in self._voices else ():
            if other[0] <= start_ns and (voice is None or other > voice):
                voice = other
        if voice is not None:
            found["tts_ttfb_ms"] = round(voice[2] / 1000)
        return found

    def facts(self, understood: list[int], models: list[int], when: tuple[int, int]) -> Iterator[Fact]:
        """Yields the medians of the call as properties.

        Args:
            understood: How many millionths of a second it took to understand the customer.
            models: How many millionths of a second the first bytes of models took.
            when: When the span that ended last did, and its id.
        """
        for name, measured in (
            ("stt", understood),
            ("llm", models or _all_reported(self.of_models, "ttft")),
            ("tts", _all(self._voices) or _all_reported(self.of_voices, "ttfb")),
        ):
            if measured:
                yield Fact(f"property.{name}_ttfb_ms", round(median(measured) / 1000), *when)


def of_customer(turn: CustomerTurn) -> dict[str, object]:
    """Returns what is known of a turn of the customer, as a payload."""
    found: dict[str, object] = {}
    if turn.sure is not None:
        found["confidence"] = turn.sure / _MILLIONTHS
    if turn.understood is not None:
        found["stt_ttfb_ms"] = round(turn.understood / 1000)
    return found


def _all_reported(requests: Mapping[int, object], key: str) -> list[int]:
    found = (millionths(_reported(metrics, key)) for metrics in requests.values())
    return [one for one in found if one is not None]


def _reported(metrics: object, key: str) -> object:
    """Returns what the metrics of a request say; a request that failed has none."""
    if isinstance(metrics, str):
        times = metrics.count(key)
        if not times:
            return None
        # As LiveKit writes it: a few characters of a long text.
        if times == 1 and metrics.endswith("}") and (found := _WRITTEN[key].search(metrics)):
            in_ms, written = found.groups()
            return _in_seconds(written) if in_ms else written
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


def millionths(value: object) -> int | None:
    """Returns a number of seconds as millionths, None if it is not a duration."""
    seconds = value if type(value) is float else number(value)  # one that is not finite is not in the range either
    # A negative one says that there was no first byte.
    return round(seconds * _MILLIONTHS) if seconds is not None and 0 <= seconds <= _MAX_SECONDS else None


def _all(found: Mapping[int, Mapping[int, _Measured]]) -> list[int]:
    return [took for below in found.values() for _, _, took in below.values()]
