"""Recognizes exceptions that only mean that a participant hung up, or that the app stopped waiting."""

from __future__ import annotations

import re
from typing import cast

_HANG_UPS = re.compile(r"(?:^|\.)(?:WebSocketDisconnect|ConnectionClosed\w*|ClientDisconnect\w*|CancelledError)$")


def is_hang_up(exception_type: str) -> bool:
    """Returns whether an exception of this type is a hang-up and not an error.

    Hang-ups are those of Starlette (`WebSocketDisconnect`, `ClientDisconnect`) and websockets (`ConnectionClosedOK` and
    the like), and cancellation. The name may be qualified.
    """
    return _HANG_UPS.search(exception_type) is not None


def is_goodbye(fault: BaseException) -> bool:
    """Returns whether an exception only means that a participant hung up, or that the app stopped waiting."""
    if isinstance(fault, GeneratorExit):
        return True
    if several := cast("tuple[BaseException, ...]", getattr(fault, "exceptions", ())):
        return all(map(is_goodbye, several))  # an ExceptionGroup, which Python 3.10 does not have
    # By name, so that no library has to be imported for its exceptions, not even asyncio.
    return any(is_hang_up(kind.__qualname__) for kind in type(fault).__mro__)
