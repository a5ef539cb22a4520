"""How a gateway is set up: what the command's options say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MIB = 1024 * 1024


class PortTakenError(Exception):
    """The port for gRPC cannot be listened on."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.port = port


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """What a gateway is set up with, beside the settings of the package.

    Attributes:
        host: The address to listen on.
        port: The port for HTTP; 0 for any free one.
        grpc_port: The port for gRPC; None without it.
        tokens: Who may send; empty for everyone.
        certificate: The file of the TLS certificate; None without TLS.
        private_key: The file of its key.
        store: Where the spans of open conversations are.
        settle_seconds: How long after the last span of a conversation whose root has come it is closed.
        retry_seconds: The longest interval after which senders send again.
        max_store_bytes: The most bytes of spans of open conversations.
        max_packed: The most bytes of a request as it comes.
        max_unpacked: The most bytes of a request without its encoding.
        body_seconds: The longest that a request may take to come.
        stop_seconds: The longest that a stop takes.
        forward: The base URL of a further OTLP endpoint that gets all that came; None for none.
        forward_headers: The headers that it wants, such as a key.
    """

    host: str
    port: int
    grpc_port: int | None
    tokens: frozenset[str]
    certificate: Path | None
    private_key: Path | None
    store: Path
    settle_seconds: float = 10.0
    retry_seconds: float = 30.0
    max_store_bytes: int = 4096 * MIB
    max_packed: int = 20 * MIB
    max_unpacked: int = 64 * MIB
    body_seconds: float = 60.0
    stop_seconds: float = 10.0
    forward: str | None = None
    forward_headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def url_host(self) -> str:
        """The address as URLs have it: one of IPv6 in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host
