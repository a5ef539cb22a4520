"""Finds mail addresses in texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from roark_otel._privacy.digits import ZERO_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roark_otel._model.steps import Pause

_AT = re.compile("[@\uff20\ufe6b]")
_LOCAL = re.compile(rf"[\w.+%'\-{ZERO_WIDTH}]")
_BEFORE = re.compile(rf"[\r\n\t{ZERO_WIDTH}]")
_DOMAIN = re.compile(
    rf"[\s{ZERO_WIDTH}]{{0,2}}(?:[\w\-{ZERO_WIDTH}]{{1,63}}[.\uff0e\u3002]){{1,8}}[^\W\d_][\w\-{ZERO_WIDTH}]{{1,62}}"
)
_MAX_LOCAL = 64
_MAX_DOMAIN = 187


def mails(text: str, first: int, until: int, pause: Pause) -> Iterator[tuple[int, int]]:
    """Yields where the mail addresses are whose `@` is between two places of a text."""
    for found in _AT.finditer(text, first, until):
        at = found.start()
        pause()
        start = _start(text, at)
        if start == at:
            continue
        domain = _DOMAIN.match(text, at + 1, at + 1 + _MAX_DOMAIN)
        if domain is not None:
            yield start, domain.end()


def _start(text: str, at: int) -> int:
    """Returns where the part before an `@` begins, which is there if that part is empty."""
    start = at
    while start > max(0, at - 2) and _BEFORE.match(text, start - 1, start):
        start -= 1
    name = start
    while start > max(0, name - _MAX_LOCAL) and _LOCAL.match(text, start - 1, start):
        start -= 1
    return at if start == name else start
