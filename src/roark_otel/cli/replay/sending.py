"""Sends a call until its outcome is known."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from typing_extensions import assert_never

from roark_otel._delivery.answers import backoff
from roark_otel._model.receipts import Delivered, Refused, Rejected, TryAgain
from roark_otel.cli.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._delivery.client import Client
    from roark_otel._sources.made import ReadyCall

ATTEMPTS: Final = 6
"""The most times that a call is sent to a Roark that does not answer, or is busy."""

_LONGEST_WAIT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Created:
    """Roark has created the call."""


@dataclass(frozen=True, slots=True)
class Already:
    """Roark has had the call before: from an earlier replay, or from the app itself."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Roark does not accept the call. `why`: the status, and the fields that Roark named."""

    why: str


SendResult: TypeAlias = "Created | Already | NotTaken"


def send(client: Client, call: ReadyCall, sleep: Callable[[float], None] = time.sleep) -> SendResult:
    """Sends a call. In a replay, 409 means that Roark has it already.

    Raises:
        Problem: if Roark takes no calls at all right now, so that the replay has to stop.
    """
    why = ""
    for failures in range(1, ATTEMPTS + 1):
        receipt = client.create_call(call.body, tried=True)
        match receipt:
            case Delivered(already=True):
                return Already()
            case Delivered():
                return Created()
            case Rejected(status, reason):
                return NotTaken(f"{status}, {reason}")
            case Refused(status):
                raise Problem(f"Roark refuses the key, the project or the address ({status}): see roark-otel doctor")
            case TryAgain(after, why):
                if failures < ATTEMPTS:
                    sleep(min(_LONGEST_WAIT, backoff(failures, random.random()) if after is None else after))  # noqa: S311
            case _:
                assert_never(receipt)
    raise Problem(f"Roark does not take calls at the moment ({why}); the same command goes on from here later")
