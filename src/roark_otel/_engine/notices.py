"""What logs say of conversations and calls: each text in one place, with what happened and what to do about it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from roark_otel._model.version import __version__
from roark_otel._safety.guard import log_once, logger
from roark_otel._safety.log_ids import log_id
from roark_otel._spool.stranded import stranded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from roark_otel._model.dialect import Unreadable
    from roark_otel._settings.settings import Settings

NOTICES: Final[Mapping[str, str]] = {
    "no_id": "a voice conversation ended without an id and is not sent to Roark: set the attribute roark.external_id "
    "on its root span, or start it inside roark_otel.call_attributes(external_id=…)",
    "second_roots": "a second conversation under the resource's roark.external_id is not sent to Roark: one process "
    "has many conversations, so set the id on each one's root span and not on the resource",
    "unattributed": "speech in a trace without exactly one id belongs to no conversation and is not sent to Roark: set "
    "roark.external_id on the root span of the conversation",
    "fragments": "spans that have their id only from baggage are not sent from here: the process that set the id sends "
    "the call, without them. If this process owns the conversation, start it inside "
    "roark_otel.call_attributes(external_id=…), or set ROARK_ID_FROM_BAGGAGE=true if you trust whoever sends requests",
    "late_dropped": "what came after a call was sent is not part of it, except for tool uses; ROARK_LINGER_SECONDS is "
    "how long a call waits for late spans",
    "duplicates": "a further conversation of an id that already has a call is not sent, and is kept in rejected/ of "
    "the spool: give each conversation an id of its own",
    "dropped_spans": "spans ended faster than this process could take them in, or waited too long for an id, and what "
    "some of them say is missing in their calls; properties.roark_dropped_spans counts them: give the "
    "process more CPU, trace less, or set the id when a conversation begins",
    "dropped_conversations": "a conversation is not sent, because none of its words are left: its spans ended faster "
    "than this process could take them in; give the process more CPU, or trace less",
    "bad_ids": "an external id is not text of 1 to 255 characters and is ignored",
}
"""The warnings about things that a person can put right, by the counter of `Stats` that counts them."""

WAITS_FOR_RECORDING: Final = (
    "call external_id=%s waits in the spool for its recording: call roark_otel.attach_recording(id, url) "
    "or `roark-otel spool attach`, set roark.recording_url on a span of it, or configure ROARK_RECORDING_URL_TEMPLATE, "
    "recording_url= or ROARK_RECORDING_FALLBACK_URL"
)
"""Logged of each call without a recording."""

NO_RECORDING_SOURCE: Final = (
    "no source of recordings is configured, and Roark takes no call without one: calls whose spans carry "
    "no roark.recording_url wait for roark_otel.attach_recording(); set ROARK_RECORDING_URL_TEMPLATE, recording_url= "
    "or ROARK_RECORDING_FALLBACK_URL"
)
"""Logged once, when the first call has to wait."""


UNREADABLE_PART: Final = (
    "what another process heard of conversation external_id=%s is not part of its call, because the redact hook cannot "
    "be given it (%s): let processes that share a spool run the same version"
)
"""Logged of a conversation that went on here."""

NOT_LAST_TO_LEAVE: Final = "Other processes that use this spool go on delivering."
"""Logged by a process that leaves calls in a directory that others use."""


def report_start(settings: Settings, place: str, recording_source: str, content: str) -> None:
    """Logs how calls are made, at the first span that counts. `place`: where the spool is; `content`: what is sent."""
    logger.info(
        "roark_otel %s: base_url=%s spool=%s recording=%s content=%s traces=%s",
        __version__,
        settings.address or "none, so nothing is sent",
        place,
        recording_source,
        content,
        "on" if settings.export_traces else "off",
    )


def notify(kind: str, external_id: str | None, span: str) -> None:
    """Warns of something that a person can put right, at most once per interval for each kind.

    Args:
        kind: A counter of `Stats`. One that is not in `NOTICES` is only counted.
        external_id: The conversation that it is about, if it has an id.
        span: The name of the span that it is about; empty if there is none.
    """
    if kind in NOTICES:
        where = [f"external_id={log_id(external_id)}"] if external_id is not None else []
        where += [f"span={span}"] if span else []
        log_once(logging.WARNING, (kind,), "%s%s", NOTICES[kind], f" ({', '.join(where)})" if where else "")


def warn_of_unreadable(found: Unreadable) -> None:
    """Warns of something on a span that could not be read. The value itself is never quoted."""
    span = found.span
    log_once(
        logging.WARNING,
        (found.attribute, found.why),
        "roark_otel cannot read %s of span %s (%032x-%016x): %s",
        found.attribute,
        span.name,
        span.trace_id,
        max(0, span.span_id),
        found.why,
    )


def warn_of_siblings(settings: Settings, own: Path) -> None:
    """Warns of directories in which calls wait that this process, whose directory is `own`, does not deliver.

    A process without an address has no siblings: the first one that has an address takes over what it left.
    """
    calls = stranded(settings.spool_dir, own, settings.address) if settings.address else {}
    for directory, count in calls.items():
        log_once(
            logging.WARNING,
            (str(directory),),
            "calls of another key, project or address wait in %s (%d) and are not delivered from here; "
            "`roark-otel spool adopt` takes them over",
            directory,
            count,
        )
