"""What strangers write where a page shows it: each text has to stay a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from browser.filling import call, said

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKUP: Final = "<img src=x onerror=alert(1)><script>alert(2)</script><b id=planted>bold</b>"

TEXTS: Final = {
    "markup": MARKUP,
    "closing tags": "</title></script></template></style>--></textarea><script>alert(3)</script><b id=planted>",
    "attributes": '" onmouseover="alert(4)" autofocus onfocus=alert(5) x=\'',
    "an address": "javascript:alert(6)",
    "an address with blanks": " \tjava\tscript:alert(7)//https://evil.example/",
    "a data address": "data:text/html,<script>alert(8)</script>",
    "templates": "${alert(9)} {{7*7}} #{7*7} <%= 7*7 %> %s {0}",
    "another host": "https://evil.example/?a=1&b=2#c",
    "a path": "../../../etc/passwd%2e%2e%2f?search=1&search=2#t=3;x",
    "dots": "..",
    "percent signs": "%00 %0d%0aSet-Cookie:%20a=b %E0%A4%A %",
    "right to left": "\u202egnorw si sihT\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "isolates never closed": "\u2066\u2067\u2068 left open \u061c\u200f",
    "controls": "bell \x07 escape \x1b[31m\x1b]0;title\x07 delete \x7f null \x00 line\r\nfeed\ttab \x85 \u2028 \u2029",
    "nothing to see": "\u200b\ufeff\u00ad\u2060",
    "marks on marks": "Z" + "\u0361\u0336\u0352" * 40,
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e6\U0001f1f9 \u2764\ufe0f",
    "a name of objects": "__proto__",
    "another name of objects": "constructor",
    "a number": "1e999",
    "JSON": '{"id": null}</script>',
    "CSS": "};body{display:none}/*",
    "one long word": "w" * 250,
    "digits of others": "\u0661\u0662\u0663 \uff11\uff12",
}
"""Each fits into an external id: at most 255 characters."""


def calls() -> Iterator[tuple[str, dict[str, Any]]]:
    """Returns a call for each text, which has it in every place that takes a text."""
    for name, text in TEXTS.items():
        yield name, everywhere(text, text)


def everywhere(external_id: str, text: str) -> dict[str, Any]:
    """Returns a call with a text in every place that takes one."""
    return {
        **call(
            external_id,
            {**said("AGENT", text, 0, 1_000, **{text: text, "span_id": text}), "languageCode": text},
            {**said("CUSTOMER", text, 1_200, 2_000), "languageCode": text, "customer": {"label": text}},
        ),
        "agents": [
            {
                "name": text,
                "customId": text,
                "description": text,
                "prompt": {"resolvedPrompt": text},
                "endpoint": {"type": text, "value": text},
            }
        ],
        "customers": [{"phoneNumberE164": "+15550100", "label": text}],
        "toolInvocations": [
            {
                "name": text,
                "description": text,
                "parameters": {text: text, "nested": {text: [text, {text: None}]}},
                "result": text,
                "startOffsetMs": 2_100,
                "endOffsetMs": 2_200,
            },
            {"name": text, "parameters": {}, "result": {text: text, "error": text}, "startOffsetMs": 2_300},
        ],
        "properties": {text: text, "framework": text, "trace_id": text, "roark_unlinked": text},
        "livekitRoomId": text,
    }
