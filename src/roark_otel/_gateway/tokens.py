"""Who may send: those who know one of the gateway's tokens, if it has any."""

from __future__ import annotations

import hmac
from typing import Final

_SCHEME: Final = "bearer "


class Tokens:
    """The tokens that senders may have.

    Args:
        tokens: The tokens. Without any, everyone may send.
    """

    def __init__(self, tokens: frozenset[str]) -> None:
        self._tokens = [one.encode() for one in sorted(tokens)]

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def allow(self, authorization: str) -> bool:
        """Returns whether a sender with this `Authorization` header may send. It takes as long for any header."""
        if not self._tokens:
            return True
        given = authorization[len(_SCHEME) :].strip() if authorization[: len(_SCHEME)].lower() == _SCHEME else ""
        found = [hmac.compare_digest(given.encode("utf-8", "replace"), one) for one in self._tokens]
        return any(found)
