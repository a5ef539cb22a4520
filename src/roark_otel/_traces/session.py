"""The HTTP session with which traces are exported: by the same proxies and certificates as calls are sent.

The exporter's own session takes the proxy of the environment for this machine, too, and with it the key in clear; and
where a `.netrc` knows the host, its password in place of the key.
"""

from __future__ import annotations

import os
import ssl
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._delivery.surroundings import Direct, Proxied, route_to, trusted

if TYPE_CHECKING:
    from requests import Session

_OF_OTLP: Final = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
"""Variables that the exporter reads itself."""

_OF_ALL: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_OF_REQUESTS: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def session_for(url: str) -> Session:
    """Makes a session that exports to a URL.

    Raises:
        Misconfigured: if the environment names a proxy that cannot be used.
    """
    from requests import Session  # comes with the exporter

    session = Session()
    session.trust_env = False
    match route_to(url):
        case Direct():
            return session
        case Proxied(proxy, variable):
            if proxy.startswith("socks") and find_spec("socks") is None:
                raise Misconfigured(variable, 'names a SOCKS proxy, which needs PySocks: pip install "requests[socks]"')
            session.proxies = {"http": proxy, "https": proxy}
            return session


def authorities_for(url: str) -> str | None:
    """Returns the path of the certificates that are trusted; None for those that the exporter finds itself.

    Raises:
        Misconfigured: if they cannot be read.
    """
    if urlsplit(url).scheme != "https" or any(os.environ.get(name) for name in _OF_OTLP):
        return None
    trusted(lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))  # raises if what the environment names cannot be read
    for name in (*_OF_ALL, *_OF_REQUESTS):
        if path := os.environ.get(name, ""):
            if not Path(path).exists():
                raise Misconfigured(name, "names something that is not there: correct or unset it")
            return path
    return None
