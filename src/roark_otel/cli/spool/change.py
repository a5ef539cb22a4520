"""The actions that change the spool. Each change is made under the file's lock, so no courier is disturbed."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._engine.parts import spool_directory
from roark_otel._safety.printable import printable
from roark_otel._settings.settings import Settings
from roark_otel._setup.attach_recording import attach_to
from roark_otel._spool import admin, taking_over
from roark_otel._spool.admin import Busy, Done, Missing, TooLate
from roark_otel._spool.forgetting import forget
from roark_otel._spool.listing import directories
from roark_otel._spool.rejected import Aside
from roark_otel.cli.account import account
from roark_otel.cli.counted import counted
from roark_otel.cli.problems import FAILED, USAGE, Problem
from roark_otel.cli.spool.view import directory_of, everything, matching, root_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from pydantic import SecretStr

    from roark_otel._spool.admin import Change
    from roark_otel._spool.listing import Listed


def run_attach(options: argparse.Namespace) -> int:
    """Gives a call its recording."""
    root: Path = options.spool_dir or Settings.from_env().spool_dir
    try:
        calls = attach_to(root, options.id, options.url)
    except ValueError as fault:
        raise Problem(str(fault).removeprefix("roark_otel: "), USAGE) from None
    except OSError as fault:
        raise Problem(f"the spool {root} cannot be written: {fault.strerror or fault}") from None
    if options.json:
        print(json.dumps({"attached": calls}))
    else:
        print(f"attached to {_calls(calls)}" if calls else "no such call waits; kept for one that comes within a week")
    return 0


def run_retry(options: argparse.Namespace) -> int:
    """Sends rejected calls again."""
    if options.rejected:
        chosen = everything(root_of(options))
    else:
        chosen = [one for wanted in options.ids for one in matching(options, wanted)]
    rejected = [one for one in chosen if isinstance(one.state, Aside)]
    if not rejected and not options.rejected:
        raise Problem("no such call was rejected; the others are sent without a retry")
    return _each(options, rejected, "will be sent again", lambda one: admin.retry(directory_of(one), one.name))


def run_reject(options: argparse.Namespace) -> int:
    """Sets a waiting call aside."""
    waiting = [one for one in matching(options, options.id) if not isinstance(one.state, Aside)]
    if not waiting:
        raise Problem(f"{printable(options.id)} has been rejected already")
    return _each(
        options, waiting, "has been set aside", lambda one: admin.reject(directory_of(one), one.name, "by hand")
    )


def run_purge(options: argparse.Namespace) -> int:
    """Deletes the rejected calls."""
    count = sum(admin.purge_rejected(directory) for directory in directories(root_of(options)))
    print(json.dumps({"purged": count}) if options.json else f"deleted {_calls(count, 'rejected ')}")
    return 0


def run_forget(options: argparse.Namespace) -> int:
    """Deletes what the spool has of an external id."""
    try:
        found = forget(root_of(options), options.id)
    except OSError as fault:
        raise Problem(f"a file cannot be deleted: {fault.strerror or fault}; what came before it is deleted") from None
    if options.json:
        print(json.dumps(asdict(found)))
    else:
        print(f"deleted {_files(found.erased)}" if found.erased else "nothing was deleted")
        if found.busy:
            print(f"{_files(found.busy)} being sent right now: repeat it, and ask Roark to delete the call")
        if found.going_on:
            print(f"{_files(found.going_on)} of a conversation that goes on in a living process: repeat it at its end")
    return 0 if found.is_whole else FAILED


def run_adopt(options: argparse.Namespace) -> int:
    """Moves the calls of another directory into the one for the key and address in the environment."""
    settings, key = settings_with_key(options.spool_dir)
    own = spool_directory(settings, key)
    source: Path = options.directory
    if not source.is_dir():
        raise Problem(f"{source} is not a directory")
    sources = directories(source) or [source]
    count = sum(taking_over.adopt(own, one) for one in sources if one.resolve() != own.resolve())
    print(
        json.dumps({"adopted": count, "directory": str(own)})
        if options.json
        else f"moved {_calls(count)} to {own}, to be sent to {settings.address}"
    )
    return 0


def settings_with_key(spool_dir: Path | None) -> tuple[Settings, SecretStr]:
    """Returns the settings of the environment, and the key that they must have.

    Raises:
        Problem: if they have none, or no usable address, or the spool has no directory.
    """
    settings, key = account(spool_dir)
    if settings.spool == "memory":
        raise Problem("ROARK_SPOOL is memory, so the spool has no directory: unset it", USAGE)
    return settings, key


def _each(options: argparse.Namespace, chosen: list[Listed], becomes: str, change: Callable[[Listed], Change]) -> int:
    """Changes one call after another, and prints the outcome of each."""
    outcomes: list[dict[str, str | None]] = []
    for one in chosen:
        outcome = _in_words(change(one), becomes)
        outcomes.append({"name": one.name, "external_id": one.external_id, "outcome": outcome})
        if not options.json:
            print(f"{printable(one.external_id or one.name)} {outcome}")
    if options.json:
        print(json.dumps(outcomes, indent=2))
    elif not chosen:
        print("no call was rejected")
    return 0 if all(one["outcome"] == becomes for one in outcomes) else FAILED


def _files(count: int) -> str:
    return counted(count, "file")


def _calls(count: int, kind: str = "") -> str:
    return counted(count, f"{kind}call")


def _in_words(outcome: Change, becomes: str) -> str:
    match outcome:
        case Done():
            return becomes
        case Missing():
            return "is gone, or cannot be read"
        case Busy():
            return "is being sent right now"
        case TooLate():
            return "came after its call was sent, and Roark takes no more words of it"
        case _:
            assert_never(outcome)
