"""The names of a spool's files. Only this module builds and parses them. Pure.

NAME is `HASH-ROOT`: the hash of the call's external id (`id_hash`) and the id of its root span, in hexadecimal. Late
tool invocations for a call have a NAME of their own, `HASH-ROOT-LATE`.

    NAME.open.jsonl       goes on, or its process ended before it did
    NAME.waiting.jsonl    lacks a recording URL
    NAME.ready.jsonl      may be sent once its header's `not_before` is over
    NAME.tried.jsonl      an attempt was made, which may have created the call
    NAME.late.jsonl       tool invocations to append to a call that was sent
    NAME.jsonl            in the folder of rejected calls: will not be sent
    NAME.reason.json      next to it: why
    .*.tmp                is being written
    TOKEN.owner           locked by a process for as long as it lives: the owner of its open calls
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TEMPORARY = (".", ".tmp")
"""The first and the last letters of the name of a file that is being written."""

_REJECTED = ".jsonl"
_OWNER = ".owner"
_REASON = ".reason.json"


class Stage(Enum):
    """How far a call has come, as the end of its file's name."""

    OPEN = ".open.jsonl"
    """A conversation that goes on, as it was when it was saved last."""
    WAITING = ".waiting.jsonl"
    READY = ".ready.jsonl"
    TRIED = ".tried.jsonl"
    LATE = ".late.jsonl"
    """Not a call, but tool invocations to append to one that was sent."""


SENDABLE = (Stage.READY, Stage.TRIED, Stage.LATE)
"""The stages in which a file may be sent."""

FINISHED = (Stage.WAITING, *SENDABLE)
"""The stages of what has ended."""

_STAGES = {stage.value: stage for stage in Stage}


@dataclass(frozen=True, slots=True)
class CallName:
    """A NAME in its parts. `late` is empty in the name of the call itself."""

    id_hash: str
    root: str = ""
    late: str = ""

    @classmethod
    def parse(cls, name: str) -> CallName:
        """Splits a NAME. One that this package did not make may lack parts."""
        return cls(*name.split("-", 2))

    def __str__(self) -> str:
        return "-".join(part for part in (self.id_hash, self.root, self.late) if part)

    @property
    def call(self) -> CallName:
        """The name of the call that late tool invocations are for; of a call, its own."""
        return replace(self, late="")


def call_name(id_hash: str, root_span_id: int) -> str:
    """Returns the NAME of a call, of the hash of its external id."""
    return f"{id_hash}-{root_span_id & (2**64 - 1):016x}"


def late_name(call: str, number: int) -> str:
    """Returns the NAME of late tool invocations for the call of this NAME. `number` sets them apart from others."""
    return str(replace(CallName.parse(call), late=f"{number:x}"))


def file_name(name: str, stage: Stage) -> str:
    """Returns the name of a call's file in a stage."""
    return f"{name}{stage.value}"


def path_of(directory: Path, name: str, stage: Stage) -> Path:
    """Returns the path of a call's file in a stage."""
    return directory / file_name(name, stage)


def parse_file_name(text: str) -> tuple[str, Stage] | None:
    """Splits a file's name into the call's NAME and its stage; None if it is not the file of a call in a stage."""
    name, _, end = text.partition(".")
    stage = _STAGES.get(f".{end}")
    return (name, stage) if name and stage else None


def owner_name(token: str) -> str:
    """Returns the name of the file that the owner with this token locks."""
    return f"{token}{_OWNER}"


def parse_owner_name(text: str) -> str | None:
    """Returns the token of the owner whose file this is; None if it is another file."""
    return text.removesuffix(_OWNER) if text.endswith(_OWNER) else None


def rejected_name(name: str) -> str:
    """Returns the name of a rejected call's file."""
    return f"{name}{_REJECTED}"


def reason_name(name: str) -> str:
    """Returns the name of the file that says why a call was rejected."""
    return f"{name}{_REASON}"


def parse_rejected_name(text: str) -> str | None:
    """Returns the NAME of the rejected call whose file this is; None if it is not the file of a rejected call."""
    return text.removesuffix(_REJECTED) if text.endswith(_REJECTED) else None


def is_temporary(text: str) -> bool:
    """Returns whether the file is being written, or was when its process died."""
    begin, end = TEMPORARY
    return text.startswith(begin) and text.endswith(end)
