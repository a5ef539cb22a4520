"""The HTTP session with which the stock exporter sends spans: by the same ways, and within the same bounds, as calls.

What requests makes of an answer has no bound, neither in time nor in bytes; it follows redirects with the key, takes
the proxy of the environment for this machine, too, and a password for the host from the user's `.netrc` in place of the
key. Here it only carries a request to the client's exchanges, and an answer back.
"""

from __future__ import annotations

import io
import os
import ssl
from functools import partial
from http.client import responses as HTTP_REASONS  # noqa: N812 - a constant
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from roark_otel._delivery.exchanges import Posting, certificates
from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._delivery.surroundings import trusted

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_SECONDS: Final = 60.0
"""The most that an export may take for which the exporter names no time."""

_NOT_PASSED_ON: Final = frozenset({"location", "content-encoding", "content-length", "transfer-encoding"})
"""The headers of an answer that are no longer true of what is passed on, or would lead elsewhere."""

_OF_OTLP: Final = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
"""Variables that the exporter reads itself."""

_OF_ALL: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_OF_REQUESTS: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

_Verify: TypeAlias = "bool | str | None"
"""What the exporter says of certificates: the path of those that are trusted, or nothing of its own."""

_Cert: TypeAlias = "str | tuple[str, str] | None"
"""The paths of its own certificate and key, where the server asks for one."""


def session_for(url: str) -> requests.Session:
    """Makes a session that exports to a URL.

    Raises:
        Misconfigured: if the environment names a proxy that cannot be used.
    """
    Posting(url, _no_authorities).close()
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(url))
    return session


def authorities_for(url: str) -> str | None:
    """Returns the path of the certificates that are trusted; None for the same as for calls, or the exporter's own.

    Raises:
        Misconfigured: if they cannot be read.
    """
    if urlsplit(url).scheme != "https" or any(os.environ.get(name) for name in _OF_OTLP):
        return None
    trusted(_no_authorities)  # raises if what the environment names cannot be read
    if any(os.environ.get(name) for name in _OF_ALL):
        return None
    for name in _OF_REQUESTS:
        if path := os.environ.get(name, ""):
            if not Path(path).exists():
                raise Misconfigured(name, "names something that is not there: correct or unset it")
            return path
    return None


class _Adapter(BaseAdapter):
    """Sends requests to a URL as calls are sent. Each thread that sends has a connection for that time."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._pid = os.getpid()
        self._idle: list[Posting] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - the answer is read anyway
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: _Verify = True,
        cert: Any = None,  # noqa: ANN401 - a `_Cert`; as requests has it
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 - the environment names one, or none
    ) -> requests.Response:
        """Sends a request.

        Raises:
            requests.RequestException: if no answer comes in time, or what the exporter trusts cannot be read.
        """
        posting = self._taken(verify, cert)
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

    def _taken(self, verify: _Verify, cert: _Cert) -> Posting:
        if self._pid != os.getpid():  # a forked child has no use for the connections of its parent
            self._pid = os.getpid()
            self.close()
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return Posting(self._url, partial(_trust, verify, cert))
        except (Misconfigured, OSError) as fault:
            raise requests.exceptions.ConnectionError(str(fault)) from None

    def close(self) -> None:
        """Closes the connections."""
        idle, self._idle = self._idle, []
        for posting in idle:
            posting.close()


def _trust(verify: _Verify, cert: _Cert) -> ssl.SSLContext:
    """Returns what a connection trusts, and with what it shows who it is.

    Raises:
        Misconfigured: if the certificates of the environment cannot be read.
        OSError: if those that the exporter names cannot be.
    """
    if not isinstance(verify, str):
        context = certificates()
    elif os.path.isdir(verify):  # noqa: PTH112 - as it is spelled
        context = ssl.create_default_context(capath=verify)
    else:
        context = ssl.create_default_context(cafile=verify)
    if cert:
        context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    return context


def _no_authorities() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


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
    # Exporters before 1.37 log the text of a refusal, which may quote what was sent.
    response.raw = io.BytesIO(content if status < 400 else b"")
    return response
