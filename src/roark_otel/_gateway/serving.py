"""Runs a gateway: HTTP by uvicorn on the main thread, gRPC beside it, until a signal stops both."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from roark_otel._gateway.bodies import Limits
from roark_otel._gateway.forwarding import Forwarding
from roark_otel._gateway.gateway import Gateway
from roark_otel._gateway.http_app import HttpApp
from roark_otel._gateway.tokens import Tokens
from roark_otel._safety.guard import logger

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator

    import grpc
    from pydantic import SecretStr

    from roark_otel._gateway.plan import GatewayOptions
    from roark_otel._settings.settings import Settings

KEEP_ALIVE_SECONDS: Final = 120
"""How long a connection without requests is kept: longer than the Collector's 90 s, so that the sender closes it."""

BACKLOG: Final = 2048


class _Server(uvicorn.Server):
    """Has the gateway refuse requests from the moment at which a signal comes.

    uvicorn itself would hear signals while its server runs only, and raise one again when it has ended. A signal that
    came before, or while the gateway stops, would end the process before what was received is stored.
    """

    def __init__(self, config: uvicorn.Config, on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_exit = on_exit

    @contextmanager
    def hears_signals(self) -> Generator[None]:
        """Has signals stop the server; one that comes before it runs stops it as soon as it does."""
        before = {which: signal.signal(which, self.handle_exit) for which in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for which, handler in before.items():
                signal.signal(which, handler)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        self._on_exit()
        super().handle_exit(sig, frame)


def serve_gateway(
    options: GatewayOptions,
    settings: Settings,
    key: SecretStr,
    listener: socket.socket,
    announce: Callable[[str], None],
) -> None:
    """Runs a gateway until SIGTERM or SIGINT.

    Args:
        options: How it is set up.
        settings: The settings of the package.
        key: The key for Roark.
        listener: Where HTTP comes in.
        announce: Called with where spans may be sent, once they may.

    Raises:
        PortTakenError: if the port for gRPC cannot be listened on.
        Misconfigured: if nothing can be sent on by the proxy or with the certificates that the environment names.
        OSError: if the store cannot be made.
        sqlite3.Error: if the store cannot be opened.
        NewerStoreError: if a newer version has written the store.
    """
    gateway = Gateway(options, settings, key)
    tokens = Tokens(options.tokens)
    forwarding = _forwarding(options, settings)
    forward: Callable[[bytes, str], None] = (lambda _request, _type: None) if forwarding is None else forwarding
    app = _http_app(gateway, options, tokens, forward)
    where = f"HTTP at {_url(options, listener.getsockname()[1])}/v1/traces"
    rpc = None
    if options.grpc_port is not None:
        from roark_otel._gateway.grpc_door import GrpcDoor, grpc_server

        rpc, port = grpc_server(GrpcDoor(gateway.doors[1], tokens, gateway.rooms[1], forward), options)
        where += f", gRPC at {options.url_host}:{port}"
    server = _Server(_config(app, options), gateway.shut)
    with server.hears_signals(), _running(gateway, rpc, forwarding, options.stop_seconds):
        announce(where)
        server.run(sockets=[listener])
    logger.info("the gateway has stopped; open conversations are in %s", options.store)


@contextmanager
def _running(
    gateway: Gateway, rpc: grpc.Server | None, forwarding: Forwarding | None, stop_seconds: float
) -> Generator[None]:
    """Runs what takes spans beside HTTP, and what becomes of them."""
    gateway.start()
    try:
        if forwarding is not None:
            forwarding.worker.start()
        if rpc is not None:
            rpc.start()
        yield
    finally:
        if rpc is not None:
            rpc.stop(stop_seconds / 2).wait(stop_seconds)
        gateway.stop(stop_seconds)
        if forwarding is not None:
            forwarding.stop(stop_seconds / 2)


def _forwarding(options: GatewayOptions, settings: Settings) -> Forwarding | None:
    """Returns what sends on to a further endpoint; None if there is none."""
    if options.forward is None:
        return None
    return Forwarding(options.forward, options.forward_headers, settings.http_timeout_seconds)


def _http_app(
    gateway: Gateway, options: GatewayOptions, tokens: Tokens, forward: Callable[[bytes, str], None]
) -> HttpApp:
    return HttpApp(
        gateway.doors[0],
        tokens,
        Limits(options.max_packed, options.max_unpacked, options.body_seconds),
        gateway.rooms[0],
        gateway.recordings,
        gateway.state.answer,
        forward,
        gateway.traffic.refuse,
    )


def _config(app: HttpApp, options: GatewayOptions) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType]
        loop="auto",
        http=_protocol(),
        ws="none",
        lifespan="off",
        workers=1,  # else it reads the variable WEB_CONCURRENCY, which may say `auto`
        access_log=False,
        log_level="warning",
        use_colors=False,  # to find out, it asks a standard output that may be closed
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, int(options.stop_seconds / 2)),
        ssl_certfile=options.certificate,
        ssl_keyfile=None if options.private_key is None else str(options.private_key),
    )


def _protocol() -> Any:  # noqa: ANN401 - a class without types, or a name
    """Returns what parses HTTP. Without httptools it is h11, which reads a request with an offer as it is."""
    try:
        from roark_otel._gateway.http_protocol import GatewayProtocol
    except ModuleNotFoundError:
        return "h11"
    return GatewayProtocol


def _url(options: GatewayOptions, port: int) -> str:
    scheme = "http" if options.certificate is None else "https"
    return f"{scheme}://{options.url_host}:{port}"
