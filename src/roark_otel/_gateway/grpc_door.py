"""OTLP over gRPC. Requests are taken as the bytes they are; no stub parses them."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc

from roark_otel._gateway.framing import field_of_length
from roark_otel._gateway.http_app import STORE_SECONDS
from roark_otel._gateway.otlp_answers import PROTOBUF, UNAVAILABLE, failure, success
from roark_otel._gateway.plan import PortTakenError
from roark_otel._gateway.reception import ComeAgain, NeverReadable, Received

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._gateway.door import Door, Room
    from roark_otel._gateway.plan import GatewayOptions
    from roark_otel._gateway.reception import Reception
    from roark_otel._gateway.tokens import Tokens

METHOD: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
MOST_BYTES: Final = 2**31 - 1
"""The most that gRPC takes for the size of a message."""

THREADS: Final = 8
"""The most requests that are taken at once. More wait for their turn."""


class GrpcDoor:
    """Answers requests.

    Args:
        door: Takes spans. Its own, so that no other thread counts what this one counts.
        tokens: Who may send.
        room: How much there is room for.
        forward: Sends a request that was taken on to a further endpoint, if there is one.
    """

    def __init__(self, door: Door, tokens: Tokens, room: Room, forward: Callable[[bytes, str], None]) -> None:
        self._door = door
        self._tokens = tokens
        self._room = room
        self._forward = forward
        self._turn = threading.Lock()

    def export(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Takes a request."""
        sent = dict(context.invocation_metadata())
        authorization = sent.get("authorization", "")
        if not self._tokens.allow(authorization if isinstance(authorization, str) else ""):
            _fail(context, grpc.StatusCode.UNAUTHENTICATED, "no valid token")
        with self._turn:
            has_room = self._room.take(len(request))
        try:
            reception = self._enter(request) if has_room else self._door.refuse("too much is being received")
        finally:
            if has_room:
                with self._turn:
                    self._room.give_back(len(request))
        with self._turn:
            self._door.count(reception, len(request))
        if isinstance(reception, Received):
            self._forward(request, PROTOBUF)
            return success(reception, PROTOBUF)
        if isinstance(reception, ComeAgain):
            details = _retry_info(reception.after, reception.why)
            context.set_trailing_metadata((("grpc-status-details-bin", details),))
        return _fail(context, _CODES[type(reception)], reception.why)

    def _enter(self, request: bytes) -> Reception:
        stored: Future[Reception] = Future()

        def answer(reception: Reception) -> None:
            if not stored.done():
                stored.set_result(reception)

        reception = self._door.enter(request, answer)
        if reception is not None:
            return reception
        done, _ = wait([stored], STORE_SECONDS)
        return stored.result() if done else self._door.refuse("the disk does not answer", 10)


def grpc_server(door: GrpcDoor, options: GatewayOptions) -> tuple[grpc.Server, int]:
    """Returns a server that listens, and its port.

    Raises:
        PortTakenError: if the port cannot be listened on.
        OSError: if the files of TLS cannot be read.
    """
    handler = grpc.method_handlers_generic_handler(
        METHOD.split("/")[1], {"Export": grpc.unary_unary_rpc_method_handler(door.export)}
    )
    server = grpc.server(
        ThreadPoolExecutor(THREADS, "roark-otel-grpc"),
        handlers=[handler],
        options=[
            ("grpc.max_receive_message_length", min(options.max_packed, MOST_BYTES)),
            ("grpc.so_reuseport", 0),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
        ],
    )
    address = f"{options.url_host}:{options.grpc_port}"
    try:
        if options.certificate is None or options.private_key is None:
            port = server.add_insecure_port(address)
        else:
            pair = options.private_key.read_bytes(), options.certificate.read_bytes()
            port = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    except RuntimeError as fault:
        raise PortTakenError(options.grpc_port or 0) from fault
    return server, port


_CODES: Final = {NeverReadable: grpc.StatusCode.INVALID_ARGUMENT, ComeAgain: grpc.StatusCode.UNAVAILABLE}


def _fail(context: grpc.ServicerContext, code: Any, why: str) -> NoReturn:  # noqa: ANN401 - a member of an enum
    context.abort(code, why)
    raise AssertionError  # `abort` raises


def _retry_info(after: int, why: str) -> bytes:
    """Returns a `google.rpc.Status` with a `RetryInfo`: in how many seconds to send again."""
    info = field_of_length(0x0A, b"\x08" + bytes((after,)))
    name = field_of_length(0x0A, b"type.googleapis.com/google.rpc.RetryInfo")
    return failure(UNAVAILABLE, why, PROTOBUF) + field_of_length(0x1A, name + field_of_length(0x12, info))
