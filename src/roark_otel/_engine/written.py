"""A call as it goes into the spool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from roark_otel._spool.file import Header
    from roark_otel._spool.names import Stage


@dataclass(frozen=True, slots=True)
class Written:
    """A call as it goes into the spool, or has gone while its conversation went on.

    Args:
        name: Its name there.
        header: What its file says about it.
        body: Its body as it is sent.
        stage: The stage that it has once its conversation has ended.
        valid_at: When the template's URL of its recording becomes valid, in seconds since the epoch.
        problems: Fields that were left out because they could not be right.
    """

    name: str
    header: Header
    body: bytes
    stage: Stage
    valid_at: float
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Saving:
    """What came of saving calls while their conversations go on.

    Args:
        is_whole: Whether the disk has taken all that there was to save.
        bytes: How many bytes were written.
    """

    is_whole: bool
    bytes: int

    def __add__(self, other: Saving) -> Saving:
        return Saving(self.is_whole and other.is_whole, self.bytes + other.bytes)


NOTHING_SAVED: Final = Saving(is_whole=True, bytes=0)
"""There was nothing to save."""
