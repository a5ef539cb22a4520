"""Reads the histories that models are asked with: each item once, although every history repeats the ones before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from roark_otel._model.dialect import Unreadable
from roark_otel._model.growth import Growth
from roark_otel._model.json_lists import ItemTooLongError, item_at
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.names import content, spelling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roark_otel._model.dialect import Warn
    from roark_otel._model.rows import SpanView

_ITEM: Final = '{"id"'
_HEAD: Final = r'\{"id":\s*"([^"\\]*)",\s*"type":\s*'
_OUTPUT: Final = re.compile(_HEAD + '"function_call_output"')
_OUTPUT_OR_SPEECH: Final = re.compile(_HEAD + r'"(?:function_call_output"|message",\s*"role":\s*"assistant")')
_SPOKEN: Final = f'"{names.STARTED_SPEAKING}"'
_CLOSING: Final = "]} \n"


class Histories:
    """Reads the histories of a conversation, in any order of spans.

    What a history repeats of an earlier one is compared, which costs next to nothing, and not read again.
    """

    __slots__ = ("_growth", "_seen", "_warn")

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._seen: set[str] = set()
        self._growth: Growth[None] = Growth()

    def news(self, span: SpanView) -> Sequence[Mapping[str, object]]:
        """Returns the items that are new in the history of a model call, of those that other spans may lack.

        These are the outputs of tools, and what the agent said, where the history has the times of speech.
        """
        items = content(span.attributes, names.CHAT_CTX)
        if not isinstance(items, str):
            return ()
        known = self._growth.known(items)
        since = 0 if known is None else max(0, items.rfind(_ITEM, 0, known[0]))
        until = len(items)
        while until and items[until - 1] in _CLOSING:  # `rstrip` would copy all of it
            until -= 1
        wanted = _OUTPUT
        if items.find(_SPOKEN, since) >= 0:
            wanted = _OUTPUT_OR_SPEECH
            # The last item is often a turn that is not over, and gets its times in the next history.
            until = max(since, items.rfind(_ITEM, since, until))
        news: list[Mapping[str, object]] = []
        passed = since
        for found in wanted.finditer(items, since):
            if found[1] in self._seen or found.start() < passed:
                continue
            try:
                item, passed = item_at(items, found.start())
            except ItemTooLongError as fault:
                self._warn(Unreadable(span, spelling(span.attributes, names.CHAT_CTX), str(fault)))
                passed = fault.end
                continue
            except ValueError as fault:
                self._warn(Unreadable(span, spelling(span.attributes, names.CHAT_CTX), str(fault)))
                until = min(until, found.start())
                break
            self._seen.add(found[1])
            news.append(cast("dict[str, object]", item))  # it begins with a brace
        self._growth.remember(items, until, None)
        return news
