"""Binds the socket of the sandbox, because uvicorn ends the process where a port is taken."""

from __future__ import annotations

import errno
import socket

LOOPBACK = "127.0.0.1"

_LAST_PORT = 65535


def listen(host: str, port: int) -> socket.socket:
    """Listens on an address. From then on clients can connect, and wait until a server accepts them.

    Raises:
        OSError: The address is taken, does not belong to this machine, or is not valid.
    """
    # Checked here, because the standard library leaks the socket when it rejects the port.
    if not 0 <= port <= _LAST_PORT:
        raise OSError(errno.EINVAL, f"{_complaint(host, port)}: ports are 0 to {_LAST_PORT}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(error.errno, f"{_complaint(host, port)}: {error.strerror}") from error
    # Connections inherit this option. asyncio sets it only on a socket that names its protocol, which this one does
    # not, and without it every answer waits some 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """Returns the base URL that reaches a socket from this machine."""
    name: tuple[str, int] = listener.getsockname()[:2]
    host, port = name
    reachable: str = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _complaint(host: str, port: int) -> str:
    return f"the sandbox cannot listen on {host} port {port}"
