"""A call that is cut off in the middle of the agent's turn: `python private.py ENDING private|open FOLDER URL`.

A private one is traced with `allow_pii=False`. ENDING says what becomes of the process: `closed` closes the session
before it ends, `left` ends while the agent speaks and closes nothing, `killed` is killed while the agent speaks.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from frameworks.livekit import offline

offline.stay()

from frameworks.livekit.rig import Rig  # noqa: E402 - offline from here on
from frameworks.livekit.scenarios import INTERRUPTION, asking  # noqa: E402
from frameworks.livekit.stage import traced  # noqa: E402
from roark_otel import call_attributes  # noqa: E402

ENDING, PRIVACY, FOLDER, URL = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]


async def main() -> None:
    """Answers, and ends as it is told."""
    traced(URL, FOLDER / "spool", **({"allow_pii": False} if PRIVACY == "private" else {}))
    async with call_attributes(external_id=f"{ENDING}-{PRIVACY}"):
        rig = Rig(INTERRUPTION.script, pace=0.1)
        await rig.start(INTERRUPTION.agent())
        await asking()(rig)
        await rig.customer.say("What can I return")
        await rig.speaking()
        await asyncio.sleep(1.0)
        assert rig.loudspeaker.is_playing
        if ENDING == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if ENDING == "closed":
            await rig.close()


if __name__ == "__main__":
    asyncio.run(main())
