"""What a sandbox was asked to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from roark_otel.sandbox.faults import NO_FAULTS, Faults
from roark_otel.sandbox.hosts import host_name
from roark_otel.sandbox.listening import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_MAX_BODY: Final = 10 * 1024 * 1024
"""The largest body of a request about calls, in bytes, where none is set."""


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """The settings of a sandbox.

    Attributes:
        host: The name or address that it listens on.
        api_key: The only key that it accepts. None: any key that is not empty.
        max_body: The largest body of a request about calls, in bytes.
        faults: What goes wrong on purpose.
        allow_hosts: Further names of the machine that requests may be sent to.
        recordings: The directory with the sound of calls. None: only that of the demo.
        token: The secret of the links to the pages. Empty: they need none.
    """

    host: str = LOOPBACK
    api_key: str | None = None
    max_body: int = DEFAULT_MAX_BODY
    faults: Faults = NO_FAULTS
    allow_hosts: tuple[str, ...] = ()
    recordings: Path | None = None
    token: str = ""

    def __post_init__(self) -> None:
        """Checks what would be found out late, by silence.

        Raises:
            ValueError: if a further name is not a name, or the recordings are not a directory.
        """
        for name in self.allow_hosts:
            host_name(name)
        if self.recordings is not None and not self.recordings.is_dir():
            raise ValueError(f"the recordings {self.recordings} are not a directory")
