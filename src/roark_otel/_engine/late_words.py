"""What becomes of words that come after their call was sent: Roark takes no more of them, so they are kept aside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, cast

from roark_otel._engine.notices import notify
from roark_otel._linking.wire_json import to_json
from roark_otel._spool.names import late_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roark_otel._model.stats import Tally
    from roark_otel._model.steps import Pause
    from roark_otel._spool.file import Header
    from roark_otel._spool.spool import Spool

REASON: Final = "late"
"""Why they are in `rejected/`."""


_ALWAYS: Final = frozenset({"framework", "framework_version"})
"""Properties that any late span of a framework gives, and the call that was sent has."""


class LateWords:
    """Keeps words that came too late in `rejected/`, next to the calls that were not sent.

    Args:
        spool: Where that is.
        tally: Counts them.
    """

    def __init__(self, spool: Spool, tally: Tally) -> None:
        self._spool = spool
        self._tally = tally

    def keep_fields(self, name: str, header: Header, late: Mapping[str, object], pause: Pause) -> None:
        """Keeps the fields of what came late and cannot be appended to the call, if they say anything new."""
        if late.keys() - {"properties"} or _news(late.get("properties")):
            self.keep(name, header, to_json({"externalId": header.external_id, **late}, pause))

    def keep(self, name: str, header: Header, body: bytes) -> None:
        """Keeps a body: a new version of a call that is being sent, or was."""
        self._tally.add("late_dropped")
        notify("late_dropped", header.external_id, "")
        self._spool.put_aside(late_name(name, time.time_ns()), header, body, REASON)


def _news(properties: object) -> bool:
    return isinstance(properties, dict) and bool(cast("dict[str, object]", properties).keys() - _ALWAYS)
