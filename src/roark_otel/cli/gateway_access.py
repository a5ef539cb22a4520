"""Who may send to a gateway, and how: tokens, certificates and hosts of `roark-otel gateway`."""

from __future__ import annotations

import ipaddress
import os
import ssl
from typing import TYPE_CHECKING, Final, NoReturn

from roark_otel._settings.environment import GATEWAY_TOKEN
from roark_otel.cli.problems import USAGE, Problem

if TYPE_CHECKING:
    from pathlib import Path

_SMALLEST_TOKEN: Final = 16


def tokens_of(file: Path | None) -> frozenset[str]:
    """Returns the tokens that senders may have."""
    given = os.environ.get(GATEWAY_TOKEN, "")
    if file is not None:
        try:
            given += "\n" + file.read_text(encoding="utf-8")
        except (OSError, ValueError) as fault:
            raise Problem(f"--token-file {file} cannot be read: {fault}", USAGE) from None
    tokens = frozenset(line.strip() for line in given.splitlines() if line.strip())
    if file is not None and not tokens:
        raise Problem(f"--token-file {file} has no token", USAGE)
    if any(len(token) < _SMALLEST_TOKEN for token in tokens):
        raise Problem(f"a token has at least {_SMALLEST_TOKEN} characters: make one with openssl rand -hex 32", USAGE)
    if not all(token.isascii() and token.isprintable() for token in tokens):
        raise Problem("a token has ASCII characters alone, as headers have: make one with openssl rand -hex 32", USAGE)
    return tokens


def is_loopback(host: str) -> bool:
    """Returns whether only this machine reaches a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_pair(certificate: Path | None, key: Path | None) -> None:
    """Reads a certificate and its key as the servers will, which say less of what is wrong.

    Raises:
        Problem: if one is missing or cannot be read, or they do not belong together.
    """
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise Problem("--tls-cert and --tls-key go together", USAGE)
    for option, file in (("--tls-cert", certificate), ("--tls-key", key)):
        try:
            file.read_bytes()
        except OSError as fault:
            raise Problem(f"{option} {file} cannot be read: {fault.strerror}", USAGE) from None

    def refuse() -> NoReturn:
        raise Problem(f"--tls-key {key} has a passphrase, which a server cannot enter: give one without", USAGE)

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, refuse)
    except ssl.SSLError as fault:
        why = fault.reason or "not in PEM format"
        raise Problem(f"--tls-cert {certificate} and --tls-key {key} cannot be used together: {why}", USAGE) from None
