"""Which exceptions only say that somebody hung up, or that the app stopped waiting."""

from __future__ import annotations

import re

_HANG_UPS = re.compile(r"(?:^|\.)(?:WebSocketDisconnect|ConnectionClosed\w*|ClientDisconnect\w*|CancelledError)$")


def is_hang_up(exception_type: str) -> bool:
    """Whether an exception of this type is a hang-up and no error.

    Those of Starlette (`WebSocketDisconnect`, `ClientDisconnect`), websockets (`ConnectionClosedOK` and its like) and
    cancellation. The name may be a qualified one.
    """
    return _HANG_UPS.search(exception_type) is not None
