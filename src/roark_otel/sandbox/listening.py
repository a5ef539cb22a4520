"""The socket that the sandbox listens on.

It is bound here, because uvicorn answers a port that is taken by ending the process.
"""

from __future__ import annotations

import errno
import socket

LOOPBACK = "127.0.0.1"

_LAST_PORT = 65535


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address; from then on a client can connect, and waits until it is served.

    Raises:
        OSError: The address is taken, or is not one of this machine.
    """
    # Asked first, because the standard library leaks the socket when it finds out by itself.
    if not 0 <= port <= _LAST_PORT:
        raise OSError(errno.EINVAL, f"{_complaint(host, port)}: there is no such port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(error.errno, f"{_complaint(host, port)}: {error.strerror}") from error
    # Connections inherit it. asyncio sets it only where a socket names its protocol, which this one does not,
    # and without it every answer waits some 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL that reaches a socket from this machine."""
    name: tuple[str, int] = listener.getsockname()[:2]
    host, port = name
    reachable: str = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _complaint(host: str, port: int) -> str:
    return f"the sandbox cannot listen on {host} port {port}"
