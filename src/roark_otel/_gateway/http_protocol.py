"""HTTP/1.1 for clients that offer to go on with another protocol, and for those whose headers do not end.

Java's client offers HTTP/2 with its requests. The parser takes the offer for accepted and skips the body, so that a
request would be empty, and answered with 200. Of headers it keeps whatever comes, before any token is looked at.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

_httptools: Any = import_module("httptools")
_protocol: Any = import_module("uvicorn.protocols.http.httptools_impl").HttpToolsProtocol

_OFFER: Final = frozenset({b"upgrade", b"http2-settings"})


MAX_HEAD_BYTES: Final = 64 * 1024
"""The most bytes of a request before its body, beside those that came with the one that exceeds it."""


class GatewayProtocol(_protocol):  # type: ignore[misc]  # pyright: ignore[reportUntypedBaseClass]
    """Parses a request that has an offer once more without it, and bounds what comes before a body."""

    parser: Any
    transport: Any
    _data = b""
    _again = b""
    _head_bytes = 0
    _is_in_head = True

    def data_received(self, data: bytes) -> None:
        """Takes in what came, and once more what begins again: many offers may come in one read."""
        while data:
            self._again = b""
            self._take_in(data)
            data = self._again

    def _take_in(self, data: bytes) -> None:
        self._data, was_in_head = data, self._is_in_head
        super().data_received(data)  # pyright: ignore[reportUnknownMemberType]
        if was_in_head and self._is_in_head:  # what came before a head, in one read with it, may be a body
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The headers are too large.")  # which closes the connection

    def on_message_begin(self) -> None:
        """Begins a request."""
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()  # pyright: ignore[reportUnknownMemberType]

    def on_headers_complete(self) -> None:
        """Ends what comes before the body."""
        self._is_in_head = False
        super().on_headers_complete()  # pyright: ignore[reportUnknownMemberType]

    def _should_upgrade(self) -> bool:
        """Returns True, so that nothing is made of a request with an offer, and the method below is called."""
        return True

    def handle_websocket_upgrade(self) -> None:
        """Has the request begin again. It is called where the parser has raised that its head was an offer."""
        if self.parser.get_method() == b"CONNECT":  # it has no body, and is an offer however often it begins
            self.send_400_response("The gateway is not a proxy.")
            return
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
        self._again = b"".join([*head, b"\r\n", rest])
