"""Claims the calls of a spool, and notes what became of them: tried, changed, delivered, or rejected."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from roark_otel._spool import rejected
from roark_otel._spool.claims import Claim, Gone, Held, Lost, Rejection, SetAside, Spooled, StillThere
from roark_otel._spool.contents import Contents
from roark_otel._spool.departed import Departed
from roark_otel._spool.faults import FullError, log_fault
from roark_otel._spool.file import Header, to_bytes
from roark_otel._spool.names import SENDABLE, Stage
from roark_otel._spool.rejected import Aside

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from roark_otel._spool.directory import SpoolDirectory


class ClaimedCalls(Contents):
    """The calls of a spool that are being sent or changed.

    Args:
        directory: Where the files are; None for memory alone.
        max_bytes: How many bytes of calls may wait there.
    """

    def __init__(self, directory: Path | None, max_bytes: int) -> None:
        super().__init__(directory, max_bytes)
        self._departed = Departed()

    def has_departed(self, name: str) -> bool:
        """Returns whether this process has seen a call go: Roark has it, or will not take it."""
        return name in self._departed

    def call_id(self, name: str) -> str | None:
        """Returns Roark's id of a call that this process delivered; None if it is not known."""
        return self._departed.call_id(name)

    @contextmanager
    def claim(self, name: str, stages: Iterable[Stage] = SENDABLE) -> Generator[Claim]:
        """Claims a call in one of these stages: no other thread or process can send or replace it in the block."""
        if name in self._memory:
            with self._memory.claim(name, stages) as kept:
                yield Held() if kept is None else Spooled(name, kept.stage, kept.header, kept.body)
        elif self._files is None:
            yield Gone()
        else:
            with self._files.claim(name, stages) as call:
                yield call

    # What becomes of a claimed call

    def mark_tried(self, call: Spooled) -> bool:
        """Notes that an attempt is about to be made: from now on a 409 may be its own doing.

        Returns:
            Whether the disk took the note. Without it, the call's own 409 would look like another call with its id.
        """
        if call.name in self._memory:
            self._memory.mark_tried(call.name)
        elif call.stage is Stage.READY and self._files is not None:
            try:
                self._files.mark_tried(call.name)
            except OSError as fault:
                self._log_fault(fault, "calls that are on it wait until it can be written")
                return False
        return True

    def rewrite(self, call: Spooled, header: Header, body: bytes, stage: Stage) -> None:
        """Replaces a call that is claimed and was not tried by a changed one.

        Raises:
            OSError: if writing fails; then nothing has changed.
        """
        if call.name in self._memory:
            self._memory.put(call.name, header, body, stage)
            return
        self._on_disk.rewrite(Spooled(call.name, stage, header, body), call.stage)
        if stage is not call.stage:
            self._on_disk.unlink(call.name, call.stage)

    def remove(self, call: Spooled, call_id: str | None = None) -> None:
        """Removes a call that Roark has. `call_id`: Roark's id of it, if it is known."""
        self._departed.add(call.name, call_id)
        if call.name in self._memory:
            self._memory.remove(call.name)
            if self.open_calls is not None:
                self.open_calls.drop(call.name)  # the disk took it while it went on, and then no more
        elif self._files is not None:
            try:
                self._files.remove(call)
            except OSError as fault:  # it is marked as tried: the next process hears from Roark that it has it
                self._log_fault(fault, "a call that was delivered cannot be removed")

    def reject(self, call: Spooled, status: int, reason: str) -> Rejection:
        """Moves a call that will not be sent to `rejected/`, with the reason next to it. Returns what became of it."""
        self._departed.add(call.name, None)
        is_in_memory = call.name in self._memory
        try:
            self._set_aside(call, Aside(status, reason))
        except OSError as fault:
            self._log_fault(fault, "a call that Roark will not take cannot be set aside")
            if self._files is None:
                return Lost()
            self._files.inventory.ignore(call.name)
            return Lost() if is_in_memory else StillThere(self._files.path)
        finally:
            self._memory.remove(call.name)
        return SetAside(self._on_disk.path)

    def _set_aside(self, call: Spooled, why: Aside) -> None:
        if call.name not in self._memory:
            self._on_disk.set_aside(call, why)
            return
        content = to_bytes(call.header, call.body)
        rejected.keep(self._on_disk.path, call.name, content, why)
        self._on_disk.inventory.set_aside(len(content))

    @property
    def _on_disk(self) -> SpoolDirectory:
        if self._files is None:
            raise FullError(0, "nothing is kept on disk")
        return self._files

    def _log_fault(self, fault: OSError | None, outcome: str) -> None:
        log_fault("memory" if self.directory is None else str(self.directory), fault, outcome)
