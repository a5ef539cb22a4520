"""A file of spans, played as `roark-otel replay` plays it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from roark_otel import Settings
from roark_otel._replay.file import unpacked_file
from roark_otel.cli.replay.playing import Options, Playing
from roark_otel.cli.replay.sending import Created
from roark_otel.dialects import DIALECTS
from support.replaying import RECORDING

if TYPE_CHECKING:
    from roark_otel._sources.made import ReadyCall
    from roark_otel.cli.replay.sending import SendResult

Json = dict[str, Any]


def played(content: bytes) -> dict[str, Json]:
    """Plays a file. Returns its calls by external id."""
    found: dict[str, Json] = {}

    def take(call: ReadyCall) -> SendResult:
        assert call.external_id not in found
        found[call.external_id] = json.loads(call.body)
        return Created()

    settings = Settings().with_arguments(recording_url_template=RECORDING)
    options = Options(0, incomplete=False, send=take, on_done=lambda _: None, on_read=lambda _: None)
    Playing(unpacked_file(io.BytesIO(content)), settings, DIALECTS, options).play()
    return found
