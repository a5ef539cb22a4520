"""How a spool's files, and logs, name an external id: by a hash under a key that only those have who share the spool.

An id may be a phone number, and a hash without a key is found by trying all numbers in a tenth of a second. The key is
32 random bytes in the root of the spool, made once by whichever process comes first, for all processes, directories and
API keys. Where a process cannot have it, it hashes under a key of its own: then others find its files by reading them.

    k0123…    under the key of the root
    p0123…    under the key of one process
    0123…     without a key, as earlier versions did; such files are still found
"""

from __future__ import annotations

import errno
import hmac
import logging
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeAlias

from roark_otel._safety.guard import log_once
from roark_otel._spool import disk
from roark_otel._spool.file import id_in
from roark_otel._spool.names import TEMPORARY, CallName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY_FILE: Final = "ids.key"
"""Its name in the root of the spool."""

KEY_BYTES: Final = 32
"""How long it is."""

LOOK_SECONDS: Final = 1.0
"""How soon a key is written again that was deleted under this process."""

HALF_WRITTEN_SECONDS: Final = 1.0
"""How long a key may be incomplete, where the file system has no hard links."""

MAX_HASHES: Final = 1_024
"""The most ids of which the hash is remembered: to make one takes as long as to copy ten spans."""

MAX_KEYS: Final = 16
"""The most keys that are taken in: one for each spool of a process."""

Finder: TypeAlias = "Callable[[str, Callable[[], str | None]], bool]"
"""Returns whether a file with this NAME is of a certain external id; the second argument reads the id in the file."""

_SHARED: Final = "k"
_PRIVATE: Final = "p"
_DIGITS: Final = 32

_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class _Key:
    """A key, and the letter with which the hashes under it begin."""

    mark: str
    secret: bytes

    def __repr__(self) -> str:
        return f"_Key({self.mark!r})"

    def hash(self, external_id: str) -> str:
        return self.mark + _keyed_hash(self.secret, external_id)


# Of atomic values alone: the collector would track what remembers a hash by its key for as long as that is remembered.
@lru_cache(MAX_HASHES)
def _keyed_hash(secret: bytes, external_id: str) -> str:
    keyed = _keyed(secret).copy()
    keyed.update(_bytes(external_id))
    return keyed.hexdigest()[:_DIGITS]


@lru_cache(MAX_KEYS)
def _keyed(secret: bytes) -> hmac.HMAC:
    """Returns what has taken in a key: to copy it takes half as long as to take the key in again."""
    return hmac.new(secret, digestmod="sha256")


class IdHash:
    """Hashes the external ids of one spool. All methods may be called on any thread; the first one reads the disk.

    Args:
        root: The root of the spool; None in memory.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._keys: dict[int, _Key] = {}
        self._look_at = 0.0

    def of(self, external_id: str) -> str:
        """Returns the hash of an id. It stays the same for as long as the process lives."""
        return self._key().hash(external_id)

    def finder(self, external_id: str) -> Finder:
        """Returns what finds the files of an id by their names: those under a key that this process lacks, it reads."""
        hashes = {self.of(external_id), unkeyed_hash(external_id)}

        def is_its(name: str, read: Callable[[], str | None]) -> bool:
            found = CallName.parse(name).id_hash
            return found in hashes or (not self.is_enough(found) and read() == external_id)

        return is_its

    def renamed(self, name: str, external_id: str | None) -> str:
        """Returns the NAME that a file of this id has here, if its hash was made under the key of another spool."""
        found = CallName.parse(name)
        if external_id is None or not found.id_hash.startswith((_SHARED, _PRIVATE)):
            return name
        return str(replace(found, id_hash=self.of(external_id)))

    def is_under_key(self, found: str) -> bool:
        """Returns whether a hash is under the key that this process shares, so that equal ids have equal ones."""
        return self.is_shared and found.startswith(_SHARED)

    def is_enough(self, found: str) -> bool:
        """Returns whether a hash alone shows whose it is."""
        return not found.startswith((_SHARED, _PRIVATE)) or self.is_under_key(found)

    @property
    def is_shared(self) -> bool:
        """Whether other processes hash in the same way."""
        return self._key().mark == _SHARED

    def _key(self) -> _Key:
        key = self._keys.get(0)
        if key is None:
            key = self._keys.setdefault(0, _own_key() if self._root is None else _key_of(self._root))
        elif key.mark == _SHARED and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._restore(key)
        return key

    def _restore(self, key: _Key) -> None:
        """Writes the key again if it was deleted: other processes would make another one."""
        with suppress(OSError):
            if self._root is not None and self._root.is_dir() and not os.path.lexists(self._root / KEY_FILE):
                _publish(self._root, key.secret)


_known: dict[Path | None, IdHash] = {}


def ids_of(root: Path | None) -> IdHash:
    """Returns what hashes the ids of a spool, the same for a whole process. `root`: None in memory."""
    return _known.setdefault(root, IdHash(root))


def hashes_in(root: Path, external_id: str) -> tuple[str | None, str]:
    """Returns the hash of an id in a spool, None if it has no key that can be used, and the one of earlier versions."""
    try:
        secret = _read(root)
    except OSError:
        secret = None
    return None if secret is None else _Key(_SHARED, secret).hash(external_id), unkeyed_hash(external_id)


def id_at(path: Path) -> str | None:
    """Reads the external id of the call in a file; None if it cannot be read."""
    return id_in(disk.read_head(path))


def unkeyed_hash(external_id: str) -> str:
    """Returns the hash of an id as earlier versions had it."""
    return sha256(_bytes(external_id)).hexdigest()[:_DIGITS]


def _bytes(external_id: str) -> bytes:
    return external_id.encode("utf-8", "surrogatepass")


# The file


def _key_of(root: Path) -> _Key:
    """Returns the key of a root, which is made if there is none; else, if it cannot be used, one of this process."""
    try:
        secret = _read(root)
        if secret is None:
            disk.refuse_foreign(root)
            disk.make_directory(root)
            secret = _publish(root, os.urandom(KEY_BYTES))
        return _Key(_SHARED, secret)
    except OSError as fault:
        if disk.exists(root):  # else the spool reports what is wrong
            log_once(
                logging.WARNING,
                (str(root),),
                "the key for hashed ids, %s, cannot be used (%s): this process hashes ids under a key of its own, and "
                "logs of different processes name one call differently; make the spool writable for this user, or "
                "delete the file while no process uses the spool",
                root / KEY_FILE,
                fault.strerror or type(fault).__name__,
            )
        return _own_key()


def _own_key() -> _Key:
    return _Key(_PRIVATE, os.urandom(KEY_BYTES))


def _read(root: Path) -> bytes | None:
    """Returns the key; None if there is none yet.

    Raises:
        OSError: if it cannot be used.
    """
    deadline = time.monotonic() + HALF_WRITTEN_SECONDS
    while True:
        try:
            file = os.open(root / KEY_FILE, disk.OPEN_TO_READ)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            status = os.fstat(file)
            _refuse(status, root)
            secret = os.read(file, KEY_BYTES + 1)
        finally:
            os.close(file)
        if len(secret) == KEY_BYTES:
            return secret
        if len(secret) > KEY_BYTES or time.monotonic() > deadline:
            raise OSError(errno.EINVAL, f"it has not {KEY_BYTES} bytes")
        time.sleep(0.01)


def _refuse(status: os.stat_result, root: Path) -> None:
    """Raises if a key is not one that this user, root, the owner of the spool or the spool's group has made."""
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    if not hasattr(os, "geteuid"):
        return
    above = root.stat()
    is_trusted = status.st_uid in {os.geteuid(), 0, above.st_uid} or disk.group_of(above) == status.st_gid
    if not is_trusted or status.st_mode & stat.S_IWOTH:
        raise PermissionError(errno.EPERM, "another user can write it")
    disk.refuse_foreign(root)


def _publish(root: Path, secret: bytes) -> bytes:
    """Writes a key that others see only once it is whole. Returns it, or the one that another process wrote first.

    Raises:
        OSError: if it cannot be written.
    """
    path, (begin, end) = root / KEY_FILE, TEMPORARY
    temporary = root / f"{begin}{os.urandom(8).hex()}{end}"
    try:
        _write(temporary, secret, root)
        try:
            os.link(temporary, path, follow_symlinks=False)
        except FileExistsError:
            pass
        except (OSError, NotImplementedError):  # no hard links here: readers wait until it is whole
            with suppress(FileExistsError):
                _write(path, secret, root)
    finally:
        with suppress(OSError):
            temporary.unlink()
    disk.sync_directory(root)
    found = _read(root)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, "it was deleted")
    return found


def _write(path: Path, secret: bytes, root: Path) -> None:
    file = os.open(path, _MAKE, 0o600)
    try:
        if (group := disk.group_of(root.stat())) is not None:
            disk.share(file, group)
        os.write(file, secret)
        os.fsync(file)
    finally:
        os.close(file)
