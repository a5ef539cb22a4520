"""`roark-otel gateway`: takes the spans of many processes by OTLP, and makes calls of them."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from base64 import b64encode
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from roark_otel._model.formats import is_http_url, without_user
from roark_otel._settings.environment import GATEWAY_TOKEN
from roark_otel.cli.announcing import announce
from roark_otel.cli.command import Command, completes_files
from roark_otel.cli.gateway_access import check_pair, is_loopback, tokens_of
from roark_otel.cli.problems import FAILED, USAGE, Problem, extras
from roark_otel_cli import SUMMARIES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator

_HEADERS_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
"""What exporters of OpenTelemetry take their headers from, the one that wins first."""

MAX_PORT: Final = 65_535

_MOST: Final = 1_000_000_000
"""The most that an option may be, in seconds or MiB. What it is counted in ends further up."""

_ALL_HOSTS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what an option may be

_HEADER: Final = re.compile(r"([\w!#$%&'*+.^`|~-]+)\s*=\s*([\x20-\x7e]*)", re.ASCII)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--host",
        type=_bare,
        default="127.0.0.1",
        help="the address to listen on; others than this machine's need a token",
    )
    add("--port", type=int, default=4318, help="the port for OTLP/HTTP (default: %(default)s; 0: any free port)")
    add("--grpc-port", type=int, default=4317, help="the port for OTLP/gRPC, where grpcio is (default: %(default)s)")
    add("--no-grpc", action="store_true", help="take spans by HTTP alone")
    completes_files(
        add("--token-file", type=Path, metavar="FILE", help=f"tokens of senders, one a line (or {GATEWAY_TOKEN})")
    )
    completes_files(add("--tls-cert", type=Path, metavar="FILE", help="the certificate to answer HTTPS with"))
    completes_files(add("--tls-key", type=Path, metavar="FILE", help="its private key"))
    completes_files(
        add("--store", type=Path, metavar="DIR", help="where open conversations are (default: in the spool)")
    )
    add("--settle", type=float, default=10.0, metavar="SECONDS", help=_SETTLE)
    add("--retry-interval", type=float, default=30.0, metavar="SECONDS", help=_RETRY)
    add("--max-store", type=int, default=4096, metavar="MIB", help=_MAX_STORE)
    add(
        "--max-body", type=int, default=20, metavar="MIB", help="the largest request as it comes (default: %(default)s)"
    )
    add("--max-unpacked", type=int, default=64, metavar="MIB", help="the same without gzip (default: %(default)s)")
    add("--body-timeout", type=float, default=60.0, metavar="SECONDS", help="the longest that one may take to come")
    add("--stop-timeout", type=float, default=10.0, metavar="SECONDS", help="the longest that a stop takes")
    add("--forward", metavar="URL", help=_FORWARD)


_FORWARD: Final = (
    "send all that came on to this OTLP endpoint, as far as it keeps up, with the headers of OTEL_EXPORTER_OTLP_HEADERS"
)
_SETTLE: Final = "how long after its last span a conversation is closed whose root has come (default: %(default)s)"
_RETRY: Final = "the longest interval after which senders send again (default: %(default)s, the Collector's)"
_MAX_STORE: Final = (
    "the most spans of open conversations; over it the one idle longest is closed (default: %(default)s)"
)


_GRPC_TAKEN: Final = "is another program there? --grpc-port names another port, --no-grpc does without"


def _run(options: argparse.Namespace) -> int:
    """Runs a gateway until it is stopped."""
    with extras("gateway"):
        from roark_otel._gateway.plan import MIB, GatewayOptions
        from roark_otel._gateway.serving import serve_gateway
    from roark_otel.cli.spool.change import settings_with_key
    from roark_otel.cli.stderr_log import log_on_stderr

    settings, key = settings_with_key(None)
    if not settings.enabled:
        raise Problem("ROARK_OBSERVABILITY_ENABLED is off, so no call would be made", USAGE)
    _check_host(options.host)
    tokens = tokens_of(options.token_file)
    if not tokens and not is_loopback(options.host):
        raise Problem(f"{options.host} is not this machine alone: set {GATEWAY_TOKEN} or --token-file", USAGE)
    check_pair(options.tls_cert, options.tls_key)
    _check_numbers(options)
    store = options.store or settings.spool_dir / "gateway"
    plan = GatewayOptions(
        host=options.host,
        port=options.port,
        grpc_port=None if options.no_grpc or not _has_grpc() else options.grpc_port,
        tokens=tokens,
        certificate=options.tls_cert,
        private_key=options.tls_key,
        store=store,
        settle_seconds=options.settle,
        retry_seconds=options.retry_interval,
        max_store_bytes=options.max_store * MIB,
        max_packed=options.max_body * MIB,
        max_unpacked=options.max_unpacked * MIB,
        body_seconds=options.body_timeout,
        stop_seconds=options.stop_timeout,
        forward=_forward(options),
        forward_headers={} if options.forward is None else {**_user_of(options.forward), **_forward_headers()},
    )
    with _in_one_line(options, store), log_on_stderr(), _alone(store), _listen(options.host, options.port) as listener:
        serve_gateway(plan, settings, key, listener, _announce)
    return 0


@contextmanager
def _in_one_line(options: argparse.Namespace, store: Path) -> Generator[None]:
    """Turns what keeps a gateway from running into what is printed of it."""
    from roark_otel._delivery.misconfigured import Misconfigured
    from roark_otel._gateway.plan import PortTakenError
    from roark_otel._gateway.store import NewerStoreError

    try:
        yield
    except PortTakenError as fault:
        raise Problem(
            f"the gateway cannot listen on {options.host} port {fault.port} for gRPC: {_GRPC_TAKEN}"
        ) from fault
    except Misconfigured as fault:
        raise Problem(f"--forward: {fault}") from fault
    except NewerStoreError:
        raise Problem(f"a newer version has written {store}: run that one, or name another --store") from None
    except sqlite3.Error as fault:
        raise Problem(f"the store {store} cannot be used ({fault}): name another --store, or move it away") from fault
    except OSError as fault:
        raise Problem(f"{fault.filename or store}: {fault.strerror or fault}") from fault


def _bare(host: str) -> str:
    """Returns an address of IPv6 without the brackets that URLs have."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _check_host(host: str) -> None:
    if not host or "/" in host or host.count(":") == 1:
        raise Problem(f"--host {host or '(nothing)'} is not a name or an address alone; --port names the port", USAGE)


def _check_numbers(options: argparse.Namespace) -> None:
    for name in ("port", "grpc_port"):
        if not 0 <= getattr(options, name) <= MAX_PORT:
            raise Problem(f"--{name.replace('_', '-')} is 0 to {MAX_PORT}", USAGE)
    for name in ("settle", "retry_interval", "body_timeout", "stop_timeout", "max_store", "max_body", "max_unpacked"):
        if not 0 < getattr(options, name) <= _MOST:
            raise Problem(f"--{name.replace('_', '-')} must be more than 0, and at most {_MOST:,}", USAGE)


def _forward(options: argparse.Namespace) -> str | None:
    url: str | None = options.forward
    if url is None:
        return None
    if not is_http_url(url):
        raise Problem(f"--forward {without_user(url)} is not an absolute http or https URL", USAGE)
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    is_same = host == options.host or (is_loopback(host) and (is_loopback(options.host) or options.host in _ALL_HOSTS))
    if is_same and port in {options.port, None if options.no_grpc else options.grpc_port}:
        raise Problem(f"--forward {without_user(url)} is this gateway, which would send to itself without end", USAGE)
    return url


def _announce(where: str) -> None:
    announce(f"The gateway takes spans: {where}")


def _user_of(url: str) -> dict[str, str]:
    """Returns what shows the user that a URL names, as clients of HTTP read it (RFC 7617)."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    shown = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"authorization": f"Basic {b64encode(shown.encode()).decode()}"}


def _forward_headers() -> dict[str, str]:
    """Returns the headers that an exporter would send in this environment: `name=value`, with commas between."""
    variable = next((one for one in _HEADERS_VARIABLES if os.environ.get(one)), "")
    headers: dict[str, str] = {}
    for one in filter(None, map(str.strip, os.environ.get(variable, "").split(","))):
        header = _HEADER.fullmatch(unquote(one))
        if header is None:
            raise Problem(f"{variable} must be name=value, with commas between, and values percent-encoded", USAGE)
        headers[header[1].lower()] = header[2].strip()
    return headers


def _has_grpc() -> bool:
    import importlib.util

    return importlib.util.find_spec("grpc") is not None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    takes_both = host == "::" and socket.has_dualstack_ipv6()  # as gRPC does
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=takes_both)
    except OSError as fault:
        is_of_name = isinstance(fault, socket.gaierror)  # whose numbers are others
        why = os.strerror(fault.errno) if fault.errno and not is_of_name else fault.strerror
        raise Problem(f"the gateway cannot listen on {host} port {port}: {why}", FAILED) from fault
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextmanager
def _alone(store: Path) -> Generator[None]:
    """Keeps a second gateway from using the same store."""
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(store / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows has no such locks
            pass
        except BlockingIOError:
            raise Problem(f"another gateway uses {store}: name another --store") from None
        yield
    finally:
        os.close(lock)


GATEWAY = Command("gateway", SUMMARIES["gateway"], _add_arguments, _run)
