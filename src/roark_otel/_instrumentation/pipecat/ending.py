"""Who ended the call, where something shows it: Pipecat itself only ends the pipeline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from roark_otel._instrumentation.pipecat.tools import Use

_GONE: Final = r"hung[ _-]?up|hang(?:s|ing)?[ _-]?up|disconnect|\bleft\b|\bleav|\bgone\b|\bended\b|\bclosed\b"

_REASONS: Final = tuple(
    (status, re.compile(pattern, re.IGNORECASE))
    for status, pattern in (
        ("SILENCE_TIME_OUT", r"idle[ _-]?time|silence|inactiv"),
        ("AGENT_ERROR", r"^fatal error|can no longer do its job"),
        ("VOICE_MAIL_REACHED", r"voice[ _-]?mail|answering machine"),
        ("MAX_DURATION_REACHED", r"max(?:imum)?[ _-]?(?:call[ _-]?)?(?:duration|time)|time limit"),
        ("CUSTOMER_ENDED_CALL", rf"(?:user|customer|caller|client|callee|participant|human)\b.*(?:{_GONE})"),
        ("AGENT_ENDED_CALL", rf"(?:agent|bot|assistant)\b.*(?:{_GONE})"),
    )
)
"""What reasons mean that apps give in words of their own, and that the framework gives."""

_ENDS: Final = re.compile(
    r"(?:end|finish|terminate|close|quit).*(?:call|conversation|session)|hang[ _-]?up", re.IGNORECASE
)
"""What tools are called by which an agent ends a call."""

_SOON_NS: Final = 30_000_000_000
"""A pipeline ends within this time of what ends it; the agent may say goodbye first."""


@dataclass(slots=True)
class Ending:
    """What is known of the end.

    Attributes:
        at_ns: When the pipeline was asked to end; 0 if it was not yet.
        cancelled_ns: When it was asked to end at once.
    """

    at_ns: int = 0
    cancelled_ns: int = 0
    _reason: str = ""
    _by_model: bool = False
    _left_ns: int = 0

    def asked(self, reason: object, at_ns: int, *, by_model: bool = False, is_cancelled: bool = False) -> None:
        """Notes that the pipeline is to end.

        Args:
            reason: What was given as the reason.
            at_ns: When.
            by_model: Whether the service of the model asked for it, in whose name tools do.
            is_cancelled: Whether it is to end at once.
        """
        self.at_ns = self.at_ns or at_ns
        self.cancelled_ns = self.cancelled_ns or (at_ns if is_cancelled else 0)
        self._by_model = self._by_model or by_model
        value = getattr(reason, "value", reason)
        if not self._reason and isinstance(value, str):
            self._reason = value

    def left(self, at_ns: int) -> None:
        """Notes that the transport lost the customer. After the pipeline was asked to end that is expected."""
        if not self.at_ns:
            self._left_ns = at_ns

    def status(self, last_tool: Use | None, last_words_ns: int) -> str | None:
        """Returns who ended the call, None if nothing shows it.

        Args:
            last_tool: The tool that was used last.
            last_words_ns: When the customer last said something.
        """
        if not self.at_ns:
            return None
        for status, pattern in _REASONS:
            if pattern.search(self._reason):
                return status
        if self._left_ns and self.at_ns - self._left_ns < _SOON_NS:
            return "CUSTOMER_ENDED_CALL"
        if self._by_model or (last_tool is not None and self._is_its_end(last_tool, last_words_ns)):
            return "AGENT_ENDED_CALL"
        return None

    def _is_its_end(self, tool: Use, last_words_ns: int) -> bool:
        began_late = 0 <= self.at_ns - tool.start_ns < _SOON_NS
        return began_late and tool.start_ns >= last_words_ns and _ENDS.search(tool.name) is not None
