"""What will become of calls that wait, in words: the exit, `doctor`, `drain` and `list` say the same. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from roark_otel._spool.records import Acceptance

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel._spool.records import Record

ATTACH = "`roark-otel spool attach ID URL`, ROARK_RECORDING_URL_TEMPLATE or ROARK_RECORDING_FALLBACK_URL gives them one"
"""What to do about calls without a recording."""


NO_ADDRESS = "ROARK_BASE_URL"
"""What a record has in place of an answer, where calls have no usable address."""

GO_OUT = "they go out next"
"""What happens to calls that nothing keeps."""


class Whose(Enum):
    """Whose directory it is, for the process that looks."""

    OWN = "of its key, project and address"
    OTHER = "of another"
    OPEN = "it has no key"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What calls wait for. `why`: in words; `cure`: what happens next, or what to do."""

    why: str
    cure: str


GOES_ON = Outlook("goes on in a living process", "it goes out after its end")
"""What an open call waits for whose process lives."""


def of_cut_off(seconds: float, then: Outlook) -> Outlook:
    """Returns what an open call waits for whose process has ended.

    Args:
        seconds: For how long it rests.
        then: What the calls of its directory that can be sent wait for.
    """
    why = "its process ended first"
    if then.cure != GO_OUT:
        return Outlook(f"{why}; {then.why}", then.cure)
    if seconds <= 0:
        return Outlook(why, "it becomes a call next")
    return Outlook(why, f"it becomes a call in {seconds:.0f} s, unless a conversation with its id takes it over")


def outlook(directory: Path, record: Record, whose: Whose, address: str) -> Outlook:
    """Returns what the calls of a directory that can be sent wait for.

    Args:
        directory: The directory.
        record: What is known of its key.
        whose: Whose it is.
        address: The base URL of the process that looks; empty if it is not known.
    """
    if record.answer == NO_ADDRESS and whose is not Whose.OWN:
        return Outlook("without an address", f"the next process of their key with a usable {NO_ADDRESS} sends them")
    if whose is Whose.OTHER:
        return _of_another(directory, record, address)
    if record.answer == NO_ADDRESS:
        return Outlook("there is no usable address", f"correct {NO_ADDRESS} (or ROARK_PROJECT_ID)")
    if record.is_orphaned:
        cure = "correct ROARK_API_KEY: the key that Roark accepts for their service.name sends them"
        return Outlook(f"Roark refuses their key ({record.answer}), and has never accepted it", cure)
    if record.is_refused:
        cure = f"Roark accepted it before, so no other key takes them unasked: `roark-otel spool adopt {directory}`"
        return Outlook(f"Roark refuses their key ({record.answer})", cure)
    if record.answer == "402":
        return Outlook("the project has no credits (402)", "they go out when it has")
    if record.answer in {"404", "405"} or record.answer.startswith("3"):
        return Outlook(f"Roark is not at their address ({record.answer})", "correct ROARK_BASE_URL")
    if record.answer and not record.answer.startswith(("2", "4")):
        return Outlook(f"the last attempt failed ({record.answer})", GO_OUT)
    return Outlook("to send", GO_OUT)


def _of_another(directory: Path, record: Record, address: str) -> Outlook:
    if record.is_orphaned and record.address == address:
        cure = "they go to the first key that Roark accepts for their service.name, if only one does"
        return Outlook(f"of a key that Roark has never accepted ({record.answer})", cure)
    return Outlook("of another key, project or address", f"`roark-otel spool adopt {directory}` takes them over")


def described(record: Record) -> str:
    """Returns what is known of a directory's key, in words."""
    accepted = {Acceptance.NEVER: "never accepted", Acceptance.ONCE: "accepted", Acceptance.UNKNOWN: "not known"}
    if record.answer == NO_ADDRESS:
        return "for no address yet"
    address = f"for {record.address}, " if record.address else ""
    answer = f"last answer {record.answer}" if record.answer else "Roark has not answered yet"
    return f"{address}{answer}, key {accepted[record.acceptance]}"
