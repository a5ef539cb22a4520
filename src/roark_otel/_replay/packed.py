"""A file that gzip has packed, as it was before: read up to the byte at which it is damaged or cut off.

`gzip.GzipFile` raises there, and what it has unpacked by then is lost.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import BinaryIO

MAGIC: Final = b"\x1f\x8b"
"""How such a file begins."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_PIECE_BYTES: Final = 64 * 1024


class Unpacking(io.RawIOBase):
    """Unpacks the members of a gzip file, one after the other.

    Args:
        packed: The file, at its beginning.
    """

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._begin()

    def _begin(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._waiting = b""
        self._at = 0
        self.is_damaged = False
        """Whether reading came to where the file is damaged or cut off, which looks like its end."""

    @property
    def name(self) -> str:
        """The name of the packed file."""
        return str(self._packed.name)

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True, though the beginning is the only place to go to."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to the beginning, or stays.

        Raises:
            io.UnsupportedOperation: for another place.
        """
        if offset == 0 and whence == io.SEEK_SET:
            self._packed.seek(0)
            self._begin()
        elif offset != 0 or whence != io.SEEK_CUR:
            raise io.UnsupportedOperation("only the beginning can be sought")
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a BufferedReader passes nothing else
        """Reads some bytes into a buffer. Returns how many; 0 at the end, and where the file is damaged."""
        found = b"" if self.is_damaged else self._unpack(len(buffer))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def _unpack(self, size: int) -> bytes:
        while True:
            packed = self._waiting or self._packed.read(_PIECE_BYTES)
            if self._member.eof:
                packed = (self._member.unused_data + packed).lstrip(b"\0")  # some tools fill up with zeros
                if not packed:
                    return b""
                self._member = zlib.decompressobj(_GZIP)
            try:
                found = self._member.decompress(packed, size)
            except zlib.error:
                self.is_damaged = True
                return b""
            self._waiting = self._member.unconsumed_tail
            if found:
                return found
            if not packed and not self._member.eof:
                self.is_damaged = True
                return b""


class UnpackedFile(io.BufferedReader):
    """The content of a gzip file.

    Args:
        packed: The file, at its beginning.
    """

    def __init__(self, packed: BinaryIO) -> None:
        self._unpacking = Unpacking(packed)
        super().__init__(self._unpacking)

    @property
    def is_damaged(self) -> bool:
        """Whether reading came to where the file is damaged or cut off."""
        return self._unpacking.is_damaged
