"""What a check has found, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import assert_never

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Fine:
    """All is well. `about` is what was looked at, `seen` what is there."""

    about: str
    seen: str


@dataclass(frozen=True, slots=True)
class Warned:
    """It works, and somebody should know something. `cure`: what to set or do."""

    about: str
    seen: str
    cure: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """Calls will not arrive like this. `cure`: what to set or do."""

    about: str
    seen: str
    cure: str


Finding: TypeAlias = "Fine | Warned | Wrong"


def lines(finding: Finding) -> list[str]:
    """A finding as a person reads it."""
    match finding:
        case Fine(about, seen):
            return [f"  ok     {about}: {seen}"]
        case Warned(about, seen, cure):
            return [f"  note   {about}: {seen}", f"         {cure}"]
        case Wrong(about, seen, cure):
            return [f"  WRONG  {about}: {seen}", f"         {cure}"]
    assert_never(finding)


def as_json(finding: Finding) -> dict[str, str]:
    """A finding as a script reads it: `level` is `fine`, `warned` or `wrong`."""
    told = {"level": type(finding).__name__.lower(), "about": finding.about, "seen": finding.seen}
    return told if isinstance(finding, Fine) else {**told, "cure": finding.cure}


def verdict(findings: Sequence[Finding]) -> str:
    """All of it in one line."""
    wrong = sum(isinstance(one, Wrong) for one in findings)
    noted = sum(isinstance(one, Warned) for one in findings)
    if wrong:
        return f"{wrong} wrong: calls will not arrive like this."
    return f"Nothing is wrong{f', {noted} to note' if noted else ''}."
