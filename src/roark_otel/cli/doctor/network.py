"""Checks whether Roark can be reached: its name, its certificate, and the key."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from typing_extensions import assert_never

from roark_otel._delivery.exchanges import certificates
from roark_otel._delivery.misconfigured import Misconfigured
from roark_otel._delivery.surroundings import Direct, Proxied, route_to
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._delivery.client import Client, Probe
    from roark_otel._settings.settings import Settings


def check_network(settings: Settings, make_client: Callable[[Settings], Client]) -> list[Finding]:
    """Checks whether the base URL answers with this key. Each step is taken only if the one before succeeded."""
    if not settings.address:
        cure = "correct ROARK_BASE_URL and ROARK_PROJECT_ID; calls wait in the spool, and nothing is sent anywhere"
        return [Wrong("Roark", "there is no usable address", cure)]
    try:
        found = _way(settings)
        if any(isinstance(one, Wrong) for one in found) or settings.api_key is None:
            return found
        client = make_client(settings)
    except Misconfigured as fault:
        cure = "calls wait in the spool until it is corrected or unset"
        return [Wrong(fault.variable, f"{fault.reason}; no connection to Roark can be made", cure)]
    try:
        return [*found, _answer(settings.address, client.probe())]
    finally:
        client.close()


def _way(settings: Settings) -> list[Finding]:
    """Returns what is found on the way to Roark.

    Raises:
        Misconfigured: if the environment allows none.
    """
    host, port, is_tls = address(settings.address)
    trust = certificates() if is_tls else None
    match route_to(settings.address):
        case Proxied() as proxy:
            return [Fine("proxy", f"requests go through {proxy.shown}, as {proxy.variable} names it")]
        case Direct():
            return _without_proxy(host, port, settings.http_timeout_seconds, trust)


def address(base_url: str) -> tuple[str, int, bool]:
    """Returns host and port of a URL, and whether it is https."""
    parts = urlsplit(base_url)
    is_tls = parts.scheme == "https"
    return parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls


def _without_proxy(host: str, port: int, seconds: float, trust: ssl.SSLContext | None) -> list[Finding]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as fault:
        cure = "check the name in ROARK_BASE_URL and the DNS of this machine"
        return [Wrong("name", f"{host} cannot be resolved ({fault.strerror})", cure)]
    addresses = ", ".join(dict.fromkeys(str(one[4][0]) for one in found))
    named = Fine("name", f"{host} is {addresses}")
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            return [named, *([] if trust is None else [_certificate(connection, host, trust)])]
    except OSError as fault:
        cure = "check ROARK_BASE_URL, and that this machine may connect there (firewall, proxy)"
        return [named, Wrong("connection", f"{host} port {port}: {fault.strerror or type(fault).__name__}", cure)]


def _certificate(connection: socket.socket, host: str, trust: ssl.SSLContext) -> Finding:
    try:
        with trust.wrap_socket(connection, server_hostname=host) as secure:
            return Fine("TLS", f"{secure.version()}, the certificate is valid")
    except ssl.SSLCertVerificationError as fault:
        cure = "set SSL_CERT_FILE to the certificates of your proxy, or check the clock of this machine"
        return Wrong("TLS", f"the certificate is not accepted: {fault.verify_message}", cure)
    except ssl.SSLError as fault:
        cure = "check the port in ROARK_BASE_URL: it must be one for https"
        return Wrong("TLS", f"the port does not speak TLS ({fault.reason})", cure)


def _answer(base_url: str, probe: Probe) -> Finding:
    from roark_otel._delivery.client import Probed, Unreachable

    match probe:
        case Unreachable(why):
            cure = "check ROARK_BASE_URL and the network; calls wait in the spool meanwhile"
            return Wrong("Roark", f"{base_url} does not answer ({why})", cure)
        case Probed(status, is_roark):
            return _meaning(base_url, status, is_roark=is_roark)
    assert_never(probe)


def _meaning(base_url: str, status: int, *, is_roark: bool) -> Finding:
    if status == 200 and is_roark:
        return Fine("Roark", f"{base_url} accepts the key")
    if status in {401, 403}:
        cure = "set ROARK_API_KEY to a key of this project; if the key is a user's, set ROARK_PROJECT_ID too"
        return Wrong("Roark", f"the key is refused ({status})", cure)
    if status == 402:
        return Wrong("Roark", "the project has no credits (402)", "see the project's billing; calls wait in the spool")
    if status == 429 or status >= 500:
        cure = "calls wait in the spool and are sent again"
        return Warned("Roark", f"{base_url} answers {status} at the moment", cure)
    cure = "correct ROARK_BASE_URL; the default is https://api.roark.ai"
    return Wrong("Roark", f"{base_url} answers {status} and is not Roark's API", cure)
