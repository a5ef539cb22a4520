"""Faults on purpose: a share of requests is refused or late, so that an app can be seen to bear it."""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

_T = TypeVar("_T")

FAULT_HEADER: Final = "x-sandbox-fault"
"""A header of a request that is to be answered with this status."""

LATENCY_HEADER: Final = "x-sandbox-latency"
"""A header of a request whose answer is to wait this long: `200ms` or `1.5s`."""

_MOST_SECONDS: Final = 600.0
_RETRY_AFTER: Final = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong.

    Attributes:
        shares: Statuses, and which share of requests gets each: `((503, 0.2),)`.
        latency_seconds: How long every answer waits.
    """

    shares: tuple[tuple[int, float], ...] = ()
    latency_seconds: float = 0.0

    def __post_init__(self) -> None:
        """Checks the shares.

        Raises:
            ValueError: if they are more than a whole.
        """
        if sum(share for _, share in self.shares) > 1 + 1e-9:  # 0.4, 0.2, 0.1, 0.2 and 0.1 are a little more
            raise ValueError("the shares of faults are more than 1 together")


NO_FAULTS: Final = Faults()


def fault(written: str) -> tuple[int, float]:
    """Reads a fault as `503:0.2`: a status, and the share of requests that get it.

    Raises:
        ValueError: if it is none.
    """
    found = re.fullmatch(r"([45]\d\d)(?::([01](?:\.\d{0,9})?|\.\d{1,9}))?", written.strip())
    if found is None or (share := float(found[2] or 1)) > 1:
        raise ValueError("must be a status and a share from 0 to 1, such as 503:0.2")
    return int(found[1]), share


def seconds(written: str) -> float:
    """Reads a time as `200ms` or `1.5s`.

    Raises:
        ValueError: if it is none, or longer than ten minutes.
    """
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(ms|s)", written.strip())
    if found is None or (lasts := float(found[1]) / (1000 if found[2] == "ms" else 1)) > _MOST_SECONDS:
        raise ValueError("must be a time such as 200ms or 1.5s, at most 600s")
    return lasts


def _status(written: str) -> int:
    status = int(written)
    if not 400 <= status <= 599:
        raise ValueError("the status must be 400 to 599")
    return status


class FaultyApp:
    """Answers some requests under `/v1/` with a fault, and all of them late.

    Args:
        app: The app behind it.
        faults: What goes wrong.
    """

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        path = scope["path"]
        if not path.startswith("/v1/") or path == "/v1/health":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        await asyncio.sleep(_asked(seconds, headers.get(LATENCY_HEADER), self._faults.latency_seconds))
        status = _asked(_status, headers.get(FAULT_HEADER), self._drawn())
        if status == 0:
            await self._app(scope, receive, send)
            return
        body = {
            "error": {"type": "sandbox_fault", "message": "a fault on purpose: --fault, or the request asked for it"}
        }
        more = {"retry-after": "1"} if status in _RETRY_AFTER else {}
        await JSONResponse(body, status_code=status, headers=more)(scope, receive, send)

    def _drawn(self) -> int:
        drawn = random.random()  # noqa: S311 - a fault is no secret
        for status, share in self._faults.shares:
            drawn -= share
            if drawn < 0:
                return status
        return 0


def _asked(read: Callable[[str], _T], written: str | None, otherwise: _T) -> _T:
    if written is None:
        return otherwise
    try:
        return read(written)
    except ValueError:
        return otherwise
