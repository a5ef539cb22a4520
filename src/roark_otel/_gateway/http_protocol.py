"""HTTP/1.1 for clients that offer to go on with another protocol, as Java's does with HTTP/2: they are answered in 1.1.

The parser takes the offer for accepted. It skips the body, so that a request would be empty, and answered with 200.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

_httptools: Any = import_module("httptools")
_protocol: Any = import_module("uvicorn.protocols.http.httptools_impl").HttpToolsProtocol

_OFFER: Final = frozenset({b"upgrade", b"http2-settings"})


class WithoutUpgrades(_protocol):  # type: ignore[misc]  # pyright: ignore[reportUntypedBaseClass]
    """Parses a request that has an offer once more without it."""

    parser: Any
    _data = b""

    def data_received(self, data: bytes) -> None:
        """Takes in what came."""
        self._data = data
        super().data_received(data)  # pyright: ignore[reportUnknownMemberType]

    def _should_upgrade(self) -> bool:
        """Returns True, so that nothing is made of a request with an offer, and the method below is called."""
        return True

    def handle_websocket_upgrade(self) -> None:
        """Begins the request again. It is called where the parser has raised that its head was an offer."""
        fault: Any = sys.exc_info()[1]
        rest = self._data[fault.args[0] :]
        version = self.parser.get_http_version().encode()
        head: list[bytes] = [self.parser.get_method(), b" ", self.url, b" HTTP/", version, b"\r\n"]
        for name, value in self.headers:
            if name == b"connection":
                kept = [one.strip() for one in value.split(b",") if one.strip().lower() not in _OFFER]
                head += [name, b": ", b", ".join(kept), b"\r\n"] if kept else []
            elif name not in _OFFER:
                head += [name, b": ", value, b"\r\n"]
        self.parser = _httptools.HttpRequestParser(self)
        self.data_received(b"".join([*head, b"\r\n", rest]))
