"""What has come in, in numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._gateway.reception import ComeAgain, NeverReadable, Received

if TYPE_CHECKING:
    from roark_otel._gateway.reception import Reception


class Traffic:
    """Counts requests and spans. The threads of HTTP and of gRPC each have one, so that none waits for another."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        """By what became of them: `taken`, `unreadable`, `busy`, and by status for those that were not looked at."""
        self.spans: Counter[str] = Counter()
        """By what became of them: `stored`, `not_ours`, `rejected`."""
        self.bytes = 0
        """Of all requests that were looked at, unpacked."""

    def count(self, reception: Reception, size: int) -> None:
        """Counts a request of this size in bytes."""
        self.bytes += size
        match reception:
            case Received(spans, stored, rejected, _):
                self.requests["taken"] += 1
                self.spans["stored"] += stored
                self.spans["rejected"] += rejected
                self.spans["not_ours"] += spans - stored - rejected
            case NeverReadable():
                self.requests["unreadable"] += 1
            case ComeAgain():
                self.requests["busy"] += 1
            case _:
                assert_never(reception)

    def refuse(self, status: int) -> None:
        """Counts a request that was not looked at, by the status that it was answered with."""
        self.requests[str(status)] += 1
