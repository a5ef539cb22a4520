"""Which exceptions only say that somebody hung up, or that the app stopped waiting."""

from __future__ import annotations

import re
from typing import cast

_HANG_UPS = re.compile(r"(?:^|\.)(?:WebSocketDisconnect|ConnectionClosed\w*|ClientDisconnect\w*|CancelledError)$")


def is_hang_up(exception_type: str) -> bool:
    """Whether an exception of this type is a hang-up and no error.

    Those of Starlette (`WebSocketDisconnect`, `ClientDisconnect`), websockets (`ConnectionClosedOK` and its like) and
    cancellation. The name may be a qualified one.
    """
    return _HANG_UPS.search(exception_type) is not None


def is_goodbye(fault: BaseException) -> bool:
    """Whether an exception only says that somebody hung up, or that nobody waits any more."""
    if isinstance(fault, GeneratorExit):
        return True
    if several := cast("tuple[BaseException, ...]", getattr(fault, "exceptions", ())):
        return all(map(is_goodbye, several))  # an ExceptionGroup, which Python has from 3.11 on
    # By name: whose exception it is need not be imported, not even asyncio's.
    return any(is_hang_up(kind.__qualname__) for kind in type(fault).__mro__)
