"""The call of a conversation whose spans come through another engine: a stream processor, a queue, a database."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from roark_otel._safety.late_imports import importing
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from roark_otel._model.dialect import Dialect
    from roark_otel._settings.settings import Settings
    from roark_otel._sources.assembler import CallAssembler
    from roark_otel._sources.made import AssembledCall


def assemble_call(
    external_id: str,
    requests: Iterable[bytes],
    settings: Settings,
    *,
    dialects: Sequence[Dialect] = DIALECTS,
    incomplete: bool = False,
) -> AssembledCall:
    """Makes the call of one conversation from OTLP requests that have its spans.

    It is the function that makes an app's calls: it sends nothing, stores nothing and reads no clock, and the same
    requests in any order give the same call. A span that comes twice counts once. Requests may have spans of other
    conversations and traces as well: of those, only this one's are in the call.

    Args:
        external_id: The id of the conversation, as `roark.external_id` has it on its spans.
        requests: OTLP exports of traces, protobuf or JSON, not compressed: all that were received of its traces.
        settings: How the call is made. `Settings.from_env()` reads them as an app does.
        dialects: The dialects that are read, the highest first.
        incomplete: Make a call also of a conversation whose root is not among the spans, as it is.

    Returns:
        A `ReadyCall`, with the body for `POST /v1/call`, or a `CallWithoutRecording`; `NotEnded`, `NoCall` or
        `FailedCall` if there is none.

    Raises:
        UnreadableRequest: if a request is not an OTLP export of traces, is damaged, or exceeds a limit: 64 MiB, or a
            million spans, events, attributes and elements together. The message says which one, and quotes nothing.
        TypeError: if the id is not text, the settings are not `Settings`, or a request is not bytes.
    """
    if not isinstance(external_id, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"external_id is {type(external_id).__name__}, not str")
    return _assembler(settings, dialects).call(external_id, requests, incomplete=incomplete)


def _assembler(settings: Settings, dialects: Sequence[Dialect]) -> CallAssembler:
    """Returns what makes calls by these settings: the same as the last time if they are."""
    global _latest
    known = _latest
    if known is None or known[0] is not settings or known[1] is not dialects:
        known = _latest = settings, dialects, _assembler_class()(settings, dialects)
    return known[2]


_latest: tuple[Settings, Sequence[Dialect], CallAssembler] | None = None


@cache  # once it is there, no thread waits for another one's import
def _assembler_class() -> type[CallAssembler]:
    with importing():
        from roark_otel._sources.assembler import CallAssembler
    return CallAssembler
