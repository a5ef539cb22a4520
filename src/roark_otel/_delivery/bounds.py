"""Bounds an exchange with a server as a whole: from the look-up of its name to the last byte of its answer.

httpx bounds each read alone, so that an answer of one byte a second, or of informational answers without end, would
take forever. Here every step of an exchange has what is left of one deadline, and all of an answer shares one number of
bytes. It costs a request no thread.

What cannot be bounded: the system's look-up of a name goes on when it takes too long. It has a thread of its own, which
is left behind, and the next exchange waits for the same look-up. A piece of a request that is being written may take
what was left when it began.
"""

from __future__ import annotations

import logging
import socket
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from roark_otel._delivery.http_stack import httpcore
from roark_otel._safety.answer import Answer
from roark_otel._safety.guard import log_once
from roark_otel._safety.threads import new_thread

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

MAX_HEAD_BYTES: Final = 256 * 1024
"""The most bytes of an answer before its body, with all informational answers before it."""

PIECE_BYTES: Final = 16 * 1024
"""The most bytes of a request that are written at a time."""


class Allowance:
    """What the present exchange may still take: until a monotonic time, and a number of bytes of its answer."""

    def __init__(self) -> None:
        self._ends_at = float("inf")
        self._bytes = 0

    def begin(self, ends_at: float) -> None:
        """Allows an exchange until this monotonic time, and the head of its answer."""
        self._ends_at, self._bytes = ends_at, MAX_HEAD_BYTES

    def allow(self, number: int) -> None:
        """Allows this many bytes from now on."""
        self._bytes = number

    def seconds(self, timeout: float | None, error: type[Exception]) -> float:
        """Returns how long a step may take: at most `timeout`. Raises the error if no time is left."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise error("the exchange took too long")
        return left if timeout is None else min(left, timeout)

    def room(self, wanted: int) -> int:
        """Returns how many bytes may be read. Raises `httpcore.ReadError` if none may."""
        if self._bytes <= 0:
            raise httpcore.ReadError("the answer is too large")
        return min(wanted, self._bytes)

    def took(self, number: int) -> None:
        """Counts bytes that were read."""
        self._bytes -= number


class BoundedBackend(httpcore.NetworkBackend):
    """Makes connections whose every step keeps to the allowance.

    Args:
        allowance: What the present exchange may take.
    """

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._system = httpcore.SyncBackend()
        self._look_up: _LookUp | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connects to the first address of a host that answers. Each has an equal share of the time that is left."""
        addresses = self._addresses(host, port, self._allowance.seconds(timeout, httpcore.ConnectTimeout))
        for number, address in enumerate(addresses):
            is_last = number == len(addresses) - 1
            seconds = self._allowance.seconds(timeout, httpcore.ConnectTimeout) / (len(addresses) - number)
            try:
                stream = self._system.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if is_last:
                    raise
            else:
                return _BoundedStream(stream, self._allowance)
        raise httpcore.ConnectError("the host has no address")

    def sleep(self, seconds: float) -> None:
        """Waits between two attempts to connect."""
        time.sleep(min(seconds, self._allowance.seconds(None, httpcore.ConnectTimeout)))

    def _addresses(self, host: str, port: int, seconds: float) -> list[str]:
        if _is_address(host):
            return [host]
        look_up = self._look_up
        if look_up is None or look_up.host != host:
            look_up = self._look_up = _LookUp(host, port)
            look_up.start()
        if not look_up.done.wait(seconds):
            raise httpcore.ConnectTimeout("the look-up of the host took too long")
        self._look_up = None
        if look_up.fault is not None:
            raise httpcore.ConnectError(str(look_up.fault)) from look_up.fault
        return look_up.addresses


class _LookUp:
    """The look-up of a host's addresses, on a thread that is left behind if it takes too long."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.addresses: list[str] = []
        self.fault: OSError | UnicodeError | None = None
        self.done = Answer()
        self._port = port

    def start(self) -> None:
        try:
            new_thread(self._run, "roark-otel-look-up").start()
        except RuntimeError:  # the process ends, or the system has no threads left
            self._run()

    def _run(self) -> None:
        try:
            found = socket.getaddrinfo(self.host, self._port, type=socket.SOCK_STREAM)
            self.addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        except (OSError, UnicodeError) as fault:
            self.fault = fault
        finally:
            self.done.set()


class _BoundedStream(httpcore.NetworkStream):
    """A connection whose every read and write keeps to the allowance."""

    def __init__(self, stream: httpcore.NetworkStream, allowance: Allowance) -> None:
        self._stream = stream
        self._allowance = allowance

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        seconds = self._allowance.seconds(timeout, httpcore.ReadTimeout)
        found = self._stream.read(self._allowance.room(max_bytes), seconds)
        self._allowance.took(len(found))
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # One write of all would have a new timeout for each part that the other side takes.
        for begin in range(0, len(buffer), PIECE_BYTES):
            seconds = self._allowance.seconds(timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[begin : begin + PIECE_BYTES], seconds)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = self._allowance.seconds(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, seconds), self._allowance)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the base class has it
        return self._stream.get_extra_info(info)


def bound(transport: object, allowance: Allowance) -> None:
    """Has the connections of an `httpx.HTTPTransport` keep to an allowance.

    httpx has no argument for that: its pool, and the pool's backend, have private names. If a later one names them
    otherwise, only the body of an answer is bounded as a whole, which is logged.
    """
    pool = getattr(transport, "_pool", None)
    if not isinstance(getattr(pool, "_network_backend", None), httpcore.NetworkBackend):
        log_once(
            logging.WARNING,
            (),
            "this version of httpx has no backend that can be bounded: a server that answers very slowly can hold up "
            "the delivery of calls; install an earlier httpx",
        )
        return
    vars(pool)["_network_backend"] = BoundedBackend(allowance)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
