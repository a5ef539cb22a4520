"""The spool: the directory in which finished calls wait, one file for each call, until Roark has them.

A file's name says whose call it is and how far it has come (`names`). Many processes share a directory: a thread that
changes or sends a file holds its lock. Calls that cannot be written are kept in memory, up to a limit, and are
lost with the process.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from roark_otel._spool import rejected
from roark_otel._spool.body import recording_of, with_late_fields, with_recording
from roark_otel._spool.claimed import ClaimedCalls
from roark_otel._spool.claims import (
    Claim,
    Gone,
    Held,
    NoRoom,
    Put,
    Replaced,
    Saved,
    Spooled,
    TooLate,
)
from roark_otel._spool.faults import FROM_MEMORY, FullError, is_full
from roark_otel._spool.file import Header, to_bytes
from roark_otel._spool.names import Stage
from roark_otel._spool.rejected import Aside

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from roark_otel._spool.directory import SpoolDirectory

MAX_SPOOL_BYTES = 1024**3
"""The most bytes of calls that may wait on disk."""

PATIENCE_SECONDS = 0.5
"""The longest that a new version of a call waits for the file: it takes a moment only to attach a recording to it."""


class Spool(ClaimedCalls):
    """The finished calls of one base URL and project.

    Args:
        directory: Where the files are. It is made when the first call comes, for the user alone; one that exists keeps
            its mode. None: in memory, by choice.
        max_bytes: How many bytes of calls may wait there; those in `rejected/` do not count.
    """

    def __init__(self, directory: Path | None, max_bytes: int = MAX_SPOOL_BYTES) -> None:
        super().__init__(directory, max_bytes)
        self._is_unusable = False

    @property
    def place(self) -> str:
        """Where the calls are, in words for a log."""
        if self.directory is None:
            return "memory"
        return f"memory, because {self.directory} cannot be used" if self._is_unusable else str(self.directory)

    # What comes in

    def put(self, name: str, header: Header, body: bytes, stage: Stage) -> Put:
        """Saves a call, in place of an earlier version of it that no courier has begun to send."""
        call = Spooled(name, stage, header, body)
        if name in self._departed or self._memory.is_final(name):
            return TooLate(name)
        if self._files is None or name in self._memory:
            return self._put_in_memory(call)
        if not self._files.has_version(call) and name not in self._departed:
            return self._put_on_disk(self._files, call, Gone())
        # The sender of the earlier version holds its lock, and would remove the new one with it.
        with self.replaceable(name) as earlier:
            # It may have been delivered while this waited for it.
            if isinstance(earlier, Held) or name in self._departed:
                return TooLate(name)
            return self._put_on_disk(self._files, call, earlier)

    def _put_on_disk(self, files: SpoolDirectory, call: Spooled, earlier: Spooled | Gone) -> Put:
        if call.stage is Stage.WAITING and isinstance(earlier, Spooled) and (url := recording_of(earlier.body)):
            # A recording was attached to the earlier version.
            call = replace(call, stage=Stage.READY, body=with_recording(call.body, url))
        try:
            self._save(files, call)
        except OSError as fault:
            if isinstance(earlier, Spooled):
                # In memory the call would exist twice; what is on disk is less, and safe.
                self._log_fault(fault, "late data is not added to a call")
                return Replaced(call.name, earlier.stage)
            return self._put_in_memory(call, fault)
        if self.open_calls is not None:
            self.open_calls.drop(call.name)
        self._is_unusable = False
        if not isinstance(earlier, Spooled):
            return Saved(call.name)
        # No other file is removed: from the moment that it has its name, a new file may be given its recording, and
        # the file that is ready then is this very call.
        if call.stage is Stage.READY:
            with suppress(OSError):
                files.unlink(call.name, Stage.WAITING)
        return Replaced(call.name, call.stage)

    def _save(self, files: SpoolDirectory, call: Spooled) -> None:
        """Saves a call; where there is no room, in that of what was saved while its conversation went on."""
        try:
            files.save(call)
        except OSError as fault:
            if not is_full(fault) or self.open_calls is None or not self.open_calls.drop(call.name):
                raise
            files.save(call)

    def _put_in_memory(self, call: Spooled, fault: OSError | None = None) -> Put:
        is_known = call.name in self._memory
        if not self._memory.put(call.name, call.header, call.body, call.stage):
            self._log_fault(fault, "memory has no room for calls either, and calls are lost")
            return NoRoom(call.name)
        if fault is not None:
            self._is_unusable = not isinstance(fault, FullError)
            self._log_fault(fault, FROM_MEMORY)
        return Replaced(call.name, call.stage) if is_known else Saved(call.name)

    def merge(self, name: str, late: Mapping[str, Any], again: Mapping[str, Any] | None = None) -> Spooled | None:
        """Adds fields that came late to a call that waits, which may be at hand as it is `again` with them.

        Returns it as it is now; None if it is too late for that.
        """
        with self.replaceable(name) as call:
            if not isinstance(call, Spooled):
                return None
            body = with_late_fields(call.body, late, again)
            stage = Stage.READY if recording_of(body) else Stage.WAITING
            try:
                self.rewrite(call, call.header, body, stage)
            except OSError as fault:
                self._log_fault(fault, "late data is not added to a call")
                return None
            return replace(call, stage=stage, body=body)

    def reopen(self, name: str, header: Header, body: bytes) -> bool:
        """Saves a call that goes on after it had ended as an open one, so that it is not sent until it ends again.

        Returns:
            Whether that was possible: it may have been sent meanwhile, and memory has no open calls.
        """
        if self.open_calls is None:
            return False
        with self.replaceable(name) as earlier:
            if not isinstance(earlier, Spooled) or name in self._memory:
                return False
            if url := recording_of(earlier.body):
                body = with_recording(body, url)
            if self.open_calls.save(name, header, body):
                self._on_disk.unlink(name, earlier.stage)
                return True
            return False

    def put_aside(self, name: str, header: Header, body: bytes, reason: str) -> None:
        """Keeps a call that is not to be sent in `rejected/`, with the reason next to it."""
        if self.directory is not None:
            try:
                content = to_bytes(header, body)
                rejected.keep(self.directory, name, content, Aside(0, reason))
                self._on_disk.inventory.set_aside(len(content))
            except OSError as fault:
                self._log_fault(fault, "a call that is not sent cannot be set aside")

    @contextmanager
    def replaceable(self, name: str) -> Generator[Claim]:
        """Claims an earlier version of a call that may be replaced; Held if it is being sent or was tried."""
        if name in self._departed:
            yield Gone()
            return
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with self.claim(name, (Stage.READY, Stage.WAITING)) as earlier:
                # If it was tried meanwhile, its file has been renamed and must not be replaced.
                was_tried = self._files is not None and self._files.has(name, Stage.TRIED)
                if was_tried or not isinstance(earlier, Held) or time.monotonic() > deadline:
                    yield Held() if was_tried else earlier
                    return
            time.sleep(0.01)

    def together(self) -> AbstractContextManager[None]:
        """Puts the calls that this thread saves in the block on the disk together, at its end: until then none is safe.

        Of each call the content is on the disk when `put` returns; it is the directory, with their names, that is
        written once for all.
        """
        return nullcontext() if self._files is None else self._files.together()

    def is_on_disk(self, name: str) -> bool:
        """Returns whether a call that was put here is safe: on the disk, or at Roark by now."""
        return name in self._departed or (self._files is not None and name not in self._memory)

    def withdraw(self, name: str) -> bool:
        """Removes a call that no courier has begun to send, because it is not to be sent. Returns whether it did."""
        with self.replaceable(name) as call:
            if name in self._memory:
                self._memory.remove(name)
            elif isinstance(call, Spooled):
                self._on_disk.unlink(name, call.stage)
            return isinstance(call, Spooled)

    def trim_rejected(self, older_than: float = 0.0) -> int:
        """Deletes calls in `rejected/`: those from before this time in epoch seconds, and the oldest of too many.

        Returns:
            How many.
        """
        if self._files is None:
            return 0
        found = self._files.inventory.total()
        has_room = found.rejected <= rejected.MAX_REJECTED and found.rejected_bytes <= rejected.MAX_REJECTED_BYTES
        if has_room and not 0 < found.oldest_rejected < older_than:
            return 0
        return rejected.trim(self._files.path, older_than)

    def touch(self, name: str) -> None:
        """Notes on a waiting call's file that this process still looks after it."""
        if self._files is not None:
            self._files.touch(name)
