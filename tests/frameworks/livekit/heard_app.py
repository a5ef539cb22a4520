"""An app that holds one call with a realtime model, and knows nothing of who listens: `hold(external_id, folder)`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from opentelemetry import trace

from frameworks.livekit import offline
from frameworks.livekit.realtime_calls import CALLS

if TYPE_CHECKING:
    from pathlib import Path

RECORDING = "https://example.com/recording.wav"


def hold(external_id: str, folder: Path) -> None:
    """Holds a call within a span that names it, and leaves in a file what really happened."""
    offline.stay()
    asyncio.run(_hold(external_id, folder))


async def _hold(external_id: str, folder: Path) -> None:
    call = CALLS[external_id]
    rig = call.rig()
    about = {"roark.external_id": external_id, "roark.recording_url": RECORDING}
    with trace.get_tracer("shop").start_as_current_span("call", attributes=about):
        await rig.start(call.agent())
        try:
            await call.play(rig)
        finally:
            truth = await rig.close()
    (folder / "truth.json").write_text(json.dumps(asdict(truth)), encoding="utf-8")
