"""The session with which the stock exporter sends spans: within the bounds of every other exchange with Roark.

What requests makes of an answer has no bound, neither in time nor in bytes; it follows redirects with the key, and
takes a password for the host from the user's `.netrc`. Here it only carries a request to the client, and an answer
back. Trust and proxies are the client's, so that traces reach Roark wherever calls do.
"""

from __future__ import annotations

import io
import os
from http.client import responses as HTTP_REASONS  # noqa: N812 - a constant
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from roark_otel._delivery.client import Posting

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_SECONDS: Final = 60.0
"""The most that an export may take for which the exporter names no time."""

_NOT_PASSED_ON: Final = frozenset({"location", "content-encoding", "content-length", "transfer-encoding"})
"""The headers of an answer that are no longer true of what is passed on, or would lead elsewhere."""


def bounded_session() -> requests.Session:
    """Returns a session for the exporter."""
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


class _Adapter(BaseAdapter):
    """Sends requests with the package's own client. Each thread that sends has one for that time."""

    def __init__(self) -> None:
        super().__init__()
        self._pid = os.getpid()
        self._idle: list[Posting] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - the answer is read anyway
        timeout: float | tuple[float | None, float | None] | None = None,
        *_trust: Any,  # noqa: ANN401 - as requests has it
        **_named: Any,  # noqa: ANN401 - as requests has it
    ) -> requests.Response:
        """Sends a request.

        Raises:
            requests.RequestException: if no answer comes in time.
        """
        posting = self._taken()
        content = request.body if isinstance(request.body, bytes) else b""  # the exporter's is packed protobuf
        headers = {str(name): str(value) for name, value in request.headers.items()}
        try:
            status, said, answer = posting.post(request.url or "", headers, content, _seconds(timeout))
        except OSError as fault:
            is_late = str(fault).endswith("Timeout")
            error = requests.exceptions.ReadTimeout if is_late else requests.exceptions.ConnectionError
            raise error(str(fault)) from None
        finally:
            self._idle.append(posting)
        return _response(request, status, said, answer)

    def _taken(self) -> Posting:
        if self._pid != os.getpid():  # a forked child has no use for the connections of its parent
            self._pid = os.getpid()
            self.close()
        try:
            return self._idle.pop()
        except IndexError:
            return Posting()

    def close(self) -> None:
        """Closes the connections."""
        idle, self._idle = self._idle, []
        for posting in idle:
            posting.close()


def _seconds(timeout: float | tuple[float | None, float | None] | None) -> float:
    several = timeout if isinstance(timeout, tuple) else (timeout,)
    return max((one for one in several if one is not None), default=LONGEST_SECONDS)


def _response(
    request: requests.PreparedRequest, status: int, headers: Mapping[str, str], content: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.reason = HTTP_REASONS.get(status, "")
    response.headers = CaseInsensitiveDict(
        {name: value for name, value in headers.items() if name.lower() not in _NOT_PASSED_ON}
    )
    response.url = request.url or ""
    response.request = request
    response.raw = io.BytesIO(content)
    return response
