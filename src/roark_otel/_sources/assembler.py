"""Makes the call of one conversation from requests that hold its spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import assert_never

from roark_otel._assembly.assemble import Rules, Surroundings, assemble
from roark_otel._assembly.missing_words import warn_of_each_kind
from roark_otel._assembly.outcomes import Open, Ready, Withheld
from roark_otel._assembly.routes import Routes
from roark_otel._linking.link import NotLinkable, Recorded, Unrecorded
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open.rows_in import RowsIn
from roark_otel._privacy.patterns import Patterns
from roark_otel._privacy.redaction import Redaction
from roark_otel._safety.guard import guarded
from roark_otel._settings.settings import Settings
from roark_otel._sources.made import CallWithoutRecording, FailedCall, NoCall, NotEnded, ReadyCall
from roark_otel._sources.otlp.decode import decode
from roark_otel._sources.otlp.limits import UnreadableRequest
from roark_otel._sources.otlp.request import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from roark_otel._assembly.outcomes import Outcome
    from roark_otel._linking.link import Linked
    from roark_otel._model.dialect import Dialect, Unreadable
    from roark_otel._model.rows import Row
    from roark_otel._sources.made import AssembledCall

_warn_of_missing_words = warn_of_each_kind()


class CallAssembler:
    """Makes calls by some settings. Safe from any thread: it keeps only which names it has seen.

    Args:
        settings: How calls are made.
        dialects: The dialects that are read, the highest first.

    Raises:
        TypeError: if the settings are something else.
    """

    def __init__(self, settings: Settings, dialects: Sequence[Dialect]) -> None:
        if not isinstance(settings, Settings):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"settings is {type(settings).__name__}, not Settings: Settings.from_env() reads them")
        self._vocabulary = Vocabulary(dialects, settings.external_id_keys, auto_ids=settings.auto_external_id)
        self._rows_in = RowsIn(self._vocabulary)
        self.rules = Rules(
            vocabulary=self._vocabulary,
            routes=Routes(dialects),
            defaults=settings.defaults(),
            redaction=Redaction(Patterns(settings.replaced)),
            auto_ids=settings.auto_external_id,
            warn=_ignore,
            count_fault=_do_nothing,
            report_missing=_warn_of_missing_words,
        )

    def call(self, external_id: str, requests: Iterable[bytes], *, incomplete: bool) -> AssembledCall:
        """Makes the call of one conversation. See `assemble_call`."""
        batches = [self._numbered_rows(number, request) for number, request in enumerate(requests, 1)]
        outcomes = self.outcomes(batches, incomplete=incomplete)
        if outcomes is None:
            return FailedCall(external_id)
        match outcome_of(external_id, outcomes):
            case Ready(linked=linked):
                return _made(external_id, linked)
            case Withheld(_, reason):
                return NoCall(external_id, reason or "empty")
            case Open():
                return NotEnded(external_id)
            case None:
                return NoCall(external_id, "not_found")

    def rows(self, request: bytes) -> list[Row]:
        """Returns the rows of a request.

        Raises:
            UnreadableRequest: if it cannot be read.
        """
        return decode(request, self._vocabulary, self._rows_in)

    def batches(self, requests: Iterable[bytes], skip: Callable[[UnreadableRequest], None]) -> list[list[Row]]:
        """Returns the rows of several requests. `skip` gets the error of one that cannot be read."""
        found: list[list[Row]] = []
        for together in joined(requests):
            try:
                found.append(self.rows(b"".join(together)))
            except UnreadableRequest:
                found += self._one_by_one(together, skip)
        return found

    def _one_by_one(self, requests: Iterable[bytes], skip: Callable[[UnreadableRequest], None]) -> Iterator[list[Row]]:
        for request in requests:
            try:
                yield self.rows(request)
            except UnreadableRequest as fault:
                skip(fault)

    @guarded(None)
    def outcomes(self, batches: Iterable[list[Row]], *, incomplete: bool) -> list[Outcome] | None:
        """Returns what the conversations in these rows make; None after a fault, which is in the log."""
        return assemble(batches, self.rules, Surroundings(closing=incomplete))

    def _numbered_rows(self, number: int, request: bytes) -> list[Row]:
        if not isinstance(request, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            request = _as_bytes(number, request)
        try:
            return self.rows(request)
        except UnreadableRequest as fault:
            raise UnreadableRequest(f"request {number}: {fault}") from None


def _as_bytes(number: int, request: Any) -> bytes:  # noqa: ANN401 - whatever an app passes
    if isinstance(request, (bytearray, memoryview)):
        return bytes(request)  # pyright: ignore[reportUnknownArgumentType]
    kind = type(request).__name__
    raise TypeError(f"request {number} is {kind}, not bytes: `requests` are several OTLP exports, each as it came")


def outcome_of(external_id: str, outcomes: Iterable[Outcome]) -> Outcome | None:
    """Returns what the conversation of an id makes; None if it is not among these."""
    for one in outcomes:
        found = one.conversation.external_id if isinstance(one, Ready) else one.external_id
        if found == external_id:
            return one
    return None


def _made(external_id: str, linked: Linked) -> AssembledCall:
    match linked:
        case NotLinkable(reason):
            return NoCall(external_id, reason)
        case Recorded():
            return ReadyCall(external_id, linked.to_json(), linked.turns, linked.tools)
        case Unrecorded():
            return CallWithoutRecording(external_id, linked.to_json())
    assert_never(linked)


def _ignore(_: Unreadable) -> None:
    """What a reader cannot read is left out of the call."""


def _do_nothing() -> None:
    """A reader that raised is in the log."""
