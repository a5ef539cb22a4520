"""Keeps a process on its own machine: whoever looks up a name or connects to another one is refused, and remembered."""

from __future__ import annotations

import ipaddress
import sys

refused: list[str] = []
"""What was tried."""


def stay() -> None:
    """Refuses connections from here on. An audit hook cannot be taken back, so this holds until the process ends."""
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        _check(arguments[0])
    elif event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        if isinstance(address, tuple):  # a socket of a file system has text or bytes
            _check(address[0])


def _check(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name.lower() in {"", "localhost"} or _is_loopback(name):
        return
    refused.append(name)
    raise PermissionError(f"the tests of frameworks stay on this machine; {name} is not on it")


def _is_loopback(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
