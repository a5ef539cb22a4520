"""Values of the environment that cannot be read, where the default would show more than was meant: these close.

An address, a key or a privacy switch that is misspelt must not do what it would do without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from roark_otel._settings.unusable import UNUSABLE

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Closed:
    """What becomes of settings whose variable cannot be read.

    Attributes:
        meaning: What that means, for the log, which goes on with "until it is corrected or unset".
        values: The values that replace it; those of other settings that must not take its place are None.
    """

    meaning: str
    values: Mapping[str, str | None]


_NOT_SENT: Final = "nothing is sent anywhere, and calls wait in the spool"
_NO_KEY: Final = "no key is used, and no call is kept or sent"

CLOSED: Final[Mapping[str, Closed]] = {
    "api_key": Closed(_NO_KEY, {"api_key_file": None}),
    "api_key_file": Closed(_NO_KEY, {}),
    "base_url": Closed(_NOT_SENT, {"base_url": UNUSABLE}),
    "project_id": Closed(_NOT_SENT, {"project_id": UNUSABLE}),
    "enabled": Closed("nothing is collected or sent", {"enabled": "false"}),
    "capture_content": Closed("content stays off", {"capture_content": "false"}),
    "redact_kinds": Closed("all three kinds are redacted", {"redact_kinds": "card,phone,email"}),
    "redact_patterns": Closed("content stays off, because it cannot be redacted,", {"capture_content": "false"}),
    "log_external_id": Closed("logs show a hash in place of the id", {"log_external_id": "hash"}),
    "export_traces": Closed("no traces are exported", {"export_traces": "false"}),
    "traces_endpoint": Closed("no traces are exported", {"traces_endpoint": UNUSABLE}),
}
"""The settings that close, by their names."""
