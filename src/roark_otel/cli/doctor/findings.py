"""The findings of checks, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import assert_never

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Fine:
    """Nothing is wrong. `about`: what was checked; `seen`: what is there."""

    about: str
    seen: str


@dataclass(frozen=True, slots=True)
class Warned:
    """It works, but a person should know. `cure`: what to set or do."""

    about: str
    seen: str
    cure: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """Calls will not arrive, or not as configured. `cure`: what to set or do."""

    about: str
    seen: str
    cure: str


Finding: TypeAlias = "Fine | Warned | Wrong"


def lines(finding: Finding) -> list[str]:
    """Returns a finding as a person reads it."""
    match finding:
        case Fine(about, seen):
            return [f"  ok     {about}: {seen}"]
        case Warned(about, seen, cure):
            return [f"  note   {about}: {seen}", f"         {cure}"]
        case Wrong(about, seen, cure):
            return [f"  WRONG  {about}: {seen}", f"         {cure}"]
    assert_never(finding)


def as_fields(finding: Finding) -> dict[str, str]:
    """Returns a finding as a script reads it: `level` is `fine`, `warned` or `wrong`."""
    fields = {"level": type(finding).__name__.lower(), "about": finding.about, "seen": finding.seen}
    return fields if isinstance(finding, Fine) else {**fields, "cure": finding.cure}


def verdict(findings: Sequence[Finding]) -> str:
    """Returns all findings in one line."""
    wrong = sum(isinstance(one, Wrong) for one in findings)
    noted = sum(isinstance(one, Warned) for one in findings)
    if wrong:
        return f"{wrong} wrong: until this is corrected, calls may not arrive, or not as you configured them."
    return f"Nothing is wrong{f', {noted} to note' if noted else ''}."
