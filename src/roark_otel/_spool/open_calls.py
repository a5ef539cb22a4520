"""The calls of conversations that go on: each as it was when it was saved last, owned by the process that has it.

Whoever finds one whose owner is dead may deliver it once it has rested, or join it to a conversation of the same id.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from roark_otel._safety.guard import log_once
from roark_otel._spool import disk
from roark_otel._spool.body import recording_of
from roark_otel._spool.census import list_others
from roark_otel._spool.claims import Held, Spooled
from roark_otel._spool.file import Header, head_of
from roark_otel._spool.joining import joined
from roark_otel._spool.names import CallName, Stage
from roark_otel._spool.owner import Owner, is_alive

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from roark_otel._spool.census import SpoolItem
    from roark_otel._spool.directory import SpoolDirectory
    from roark_otel._spool.id_hash import IdHash

UNSAVED: Final = "the spool %s failed (%s); conversations that go on are lost if this process is killed"

LOOK_SECONDS: Final = 1.0
"""How long a listing of the directory is used, when calls of an id are looked for that another process left."""

LOOK_SHARE: Final = 1 / 200
"""The most of the time that listing takes: a large directory is listed less often. Saving has a fiftieth in all."""

MAX_OWNERS: Final = 10_000
"""The most files of which the owner is remembered."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """An open call whose owner is dead. `since`: when it was saved, in seconds since the epoch."""

    name: str
    since: float


class OpenCalls:
    """The open calls of a directory, as one process uses them.

    Args:
        files: The directory.
        ids: What hashes external ids in names.
    """

    def __init__(self, files: SpoolDirectory, ids: IdHash) -> None:
        self._files = files
        self._ids = ids
        self._owner = Owner(files.path)
        self._own: set[str] = set()
        self._left: set[str] = set()
        self._heads: dict[str, tuple[str, str]] = {}
        self._orphans: Mapping[str, tuple[str, ...]] = {}
        self._look_at = 0.0
        self._others = 0

    def __len__(self) -> int:
        """How many there are: this process's own, and the others' as they were listed last."""
        return len(self._own) + self._others

    def save(self, name: str, header: Header, body: bytes) -> bool:
        """Saves a conversation as it is now, in place of what was saved before. Returns whether the disk took it."""
        try:
            self._files.make()
            owned = replace(header, owner=self._owner.hold())
            self._files.save_open(Spooled(name, Stage.OPEN, owned, body))
        except OSError as fault:
            log_once(logging.WARNING, (str(self._files.path),), UNSAVED, self._files.path, type(fault).__name__)
            return False
        self._own.add(name)
        self._left.discard(name)
        return True

    def drop(self, name: str) -> bool:
        """Removes an open call of this process: it has ended, or is not to be sent. Returns whether there was one.

        Where the disk does not let it go, that is tried again later: the next process would take it for a call.
        """
        if name not in self._own:
            return False
        self._own.discard(name)
        if not self._remove(name):
            self._left.add(name)
        return True

    def _remove(self, name: str) -> bool:
        """Removes a file. Returns whether it is gone."""
        try:
            self._files.unlink(name, Stage.OPEN)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _remove_left(self) -> None:
        for name in list(self._left):
            if self._remove(name):
                self._left.discard(name)

    def beat(self) -> None:
        """Shows other processes that this one lives, also where none of its conversations has changed."""
        self._owner.beat()
        self._remove_left()

    def let_go(self) -> None:
        """Closes, in a forked child, the lock of its parent."""
        self._owner.let_go()

    def leave(self) -> None:
        """Removes the lock at the end of the process, unless it leaves open calls, which others find by it."""
        self._remove_left()
        if not self._own:
            self._owner.remove()

    # What other processes left

    def orphans(self, items: Iterable[SpoolItem]) -> Mapping[str, tuple[Orphan, ...]]:
        """Returns which of these open calls have dead owners, by the hash of their id, unless it goes on elsewhere."""
        since = {item.name: item.since for item in items}
        going_on = self._look(since)
        return {
            key: tuple(Orphan(name, since[name]) for name in names)
            for key, names in self._orphans.items()
            if key not in going_on
        }

    def _look(self, names: Iterable[str]) -> set[str]:
        """Notes which of these open calls have dead owners. Returns the hashed ids of the others."""
        found: dict[str, list[str]] = {}
        going_on: set[str] = set()
        alive: dict[str, bool] = {}
        others = 0
        for name in names:
            others += name not in self._own
            is_owned = name in self._own or self._has_live_owner(name, alive)
            key = self._key_of(name)
            if is_owned:
                going_on.add(key)
            else:
                found.setdefault(key, []).append(name)
        self._orphans = {key: tuple(several) for key, several in found.items()}
        self._others = others
        return going_on

    def _has_live_owner(self, name: str, alive: dict[str, bool]) -> bool:
        """Returns whether the owner of a file lives. `alive` remembers it of each owner."""
        token, _ = self._heads.get(name, ("", ""))
        if not token or not _lives(self._files.path, token, alive):
            # It may have another one by now, which has taken it over.
            token, _ = self._read_head(name)
        return _lives(self._files.path, token, alive)

    def _read_head(self, name: str) -> tuple[str, str]:
        """Reads, and remembers, the token of a file's owner and the hash of its id."""
        header = head_of(disk.read_head(self._files.file(name, Stage.OPEN)))
        if len(self._heads) >= MAX_OWNERS:
            self._heads.clear()
        if header is None:
            self._heads[name] = "", CallName.parse(name).id_hash
        else:
            self._heads[name] = header.owner, self._ids.of(header.external_id)
        return self._heads[name]

    def _key_of(self, name: str) -> str:
        """Returns the hash of a file's id, as this process hashes it: its name may have one under another key."""
        found = CallName.parse(name).id_hash
        if self._ids.is_under_key(found):
            return found
        _, key = self._heads.get(name) or self._read_head(name)
        return key

    def part_of(self, key: str, own: str) -> tuple[bytes, tuple[str, ...]]:
        """Returns what dead processes left of the conversation with this hashed id, and the names of its files.

        Args:
            key: The hash of the id.
            own: The name of this process's own call of the conversation, which is left out.
        """
        if (began := time.monotonic()) >= self._look_at:
            self._look(list_others(self._files.path, Stage.OPEN, self._own))
            now = time.monotonic()
            self._look_at = now + max(LOOK_SECONDS, (now - began) / LOOK_SHARE)
        names: list[str] = []
        bodies: list[bytes] = []
        for orphan in self._orphans.get(key, ()):
            if orphan != own and (body := self._take_over(orphan)):
                names.append(orphan)
                bodies.append(body)
        return (joined(bodies) if bodies else b""), tuple(names)

    def _take_over(self, orphan: str) -> bytes:
        """Makes an orphan this process's own, so that no other finishes it. Returns its body; empty if it is gone."""
        with self._files.claim(orphan, (Stage.OPEN,)) as call:
            if not isinstance(call, Spooled) or self._has_ended(call):
                return b""
            return call.body if self.save(call.name, call.header, call.body) else b""

    def finish(self, orphans: Sequence[Orphan]) -> str | None:
        """Finishes a conversation of dead processes, as it was when it was saved last, so that it is delivered.

        Returns:
            Its external id; None if another process has it, or it is on disk as one that has ended.

        Raises:
            OSError: if writing fails.
        """
        with ExitStack() as claims:
            parts: list[Spooled] = []
            for one in orphans:
                call = claims.enter_context(self._files.claim(one.name, (Stage.OPEN,)))
                if isinstance(call, Held):
                    return None
                if isinstance(call, Spooled) and not self._has_ended(call):
                    parts.append(call)
            if not parts:
                return None
            last = max(parts, key=lambda call: call.header.finished_at)
            body = last.body if len(parts) == 1 else joined([call.body for call in parts])
            stage = Stage.READY if recording_of(body) else Stage.WAITING
            self._files.save(Spooled(last.name, stage, replace(last.header, owner=""), body))
            for call in parts:
                self._remove(call.name)
            return last.header.external_id

    def _has_ended(self, call: Spooled) -> bool:
        """Removes an open call that has ended too: its process died as it finished it. Returns whether that was so."""
        if not self._files.has_version(call):
            return False
        self._remove(call.name)
        return True


def _lives(directory: Path, token: str, alive: dict[str, bool]) -> bool:
    if token not in alive:
        alive[token] = is_alive(directory, token)
    return alive[token]
