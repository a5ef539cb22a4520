"""One HTML file of a call: it opens from disk, and makes no request.

Browsers load no module from disk, so the modules of the call page are joined to one script. Each becomes a function of
its own that returns what it exports, so two of them may use the same name. Script and style are packed, to a third, and
`unpack.js` unpacks them in the browser; the call itself stays JSON that anything can read.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from roark_otel.pages.files import static
from roark_otel.pages.values import finite, part, printable, text

if TYPE_CHECKING:
    from collections.abc import Mapping

_IMPORT: Final = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"\./([\w.-]+)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?:async )?(?:const|let|class|function) ([\w$]+)", re.MULTILINE)
_COMMENT: Final = re.compile(r"^[ \t]*//[^\n]*\n|/\*(?=[\s*])(?:(?!\*/).)*\*/[ \t]?", re.MULTILINE | re.DOTALL)
_BLANK: Final = re.compile(r"\n\s+")
"""Empty lines, and what lines are indented by: no text of the modules goes over several lines."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_STYLES: Final = ("page.css", "call.css")
_SOUNDS: Final = (
    (b"OggS", 0, "audio/ogg"),
    (b"WAVE", 8, "audio/wav"),
    (b"fLaC", 0, "audio/flac"),
    (b"ID3", 0, "audio/mpeg"),
    (b"\xff\xfb", 0, "audio/mpeg"),
    (b"ftyp", 4, "audio/mp4"),
    (b"\x1aE\xdf\xa3", 0, "audio/webm"),
)
"""How files of sound begin: these bytes, from that byte on."""

_FILE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<link rel="icon" href="data:,">
</head>
<body>
<div id="app"></div>
<noscript>This page is drawn by a script.</noscript>
<script type="application/json" id="document">{document}</script>
<script type="text/plain" id="packed">{packed}</script>
<script type="module">{unpack}</script>
</body>
</html>
"""


def call_file(document: Mapping[str, Any], *, sound: bytes | None = None) -> str:
    """Returns the page of a call as one file, about 45 KB of page and then the call.

    Args:
        document: The call: see `roark_otel.pages.document`.
        sound: The recording, as the bytes of an audio file; None: the page names the recording's host only.

    Returns:
        HTML that can be encoded as UTF-8.
    """
    script, style, unpack = _script(), _style(), _source("unpack.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(unpack)}' '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",
            "media-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    name = printable(text(part(document, "body"), "externalId")) or "a call without an id"
    return _FILE.format(
        policy=policy,
        title=html.escape(f"{name} · roark-otel"),
        document=_embedded({**document, "recording": _recording(document, sound)}),
        packed=_packed(),
        unpack=unpack,
    )


def _recording(document: Mapping[str, Any], sound: bytes | None) -> dict[str, Any] | None:
    """Returns the recording as the file has it: within, or at an address from which it loads nothing."""
    if sound is not None:
        kind = _kind(sound) or text(part(document, "recording"), "type") or "audio/wav"
        return {"url": f"data:{kind};base64,{base64.b64encode(sound).decode()}", "type": kind, "here": True}
    known = part(document, "recording")
    return {**known, "here": text(known, "url").startswith("data:audio/")} if known else None


def _kind(sound: bytes) -> str:
    return next((kind for start, at, kind in _SOUNDS if sound[at : at + len(start)] == start), "")


def _embedded(document: Mapping[str, Any]) -> str:
    """Writes JSON that nothing in it can end or turn into markup."""
    try:
        written = json.dumps(document, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:  # JSON has no infinite numbers, and Python writes no integer of several thousand digits
        written = json.dumps(finite(document), ensure_ascii=False, default=str)
    return _SURROGATE.sub(lambda one: f"\\u{ord(one[0]):04x}", written.replace("<", "\\u003c"))


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


@cache
def _packed() -> str:
    return base64.b64encode(zlib.compress(f"{_style()}\0{_script()}".encode(), 9)).decode()


@cache
def _style() -> str:
    return _BLANK.sub("\n", _COMMENT.sub("", "".join(static(name)[0].decode() for name in _STYLES)))


@cache
def _script() -> str:
    """Returns the modules of the call page as one script, each after those that it imports."""
    joined = "".join(_joined(name) for name in _in_order("call.js", []))
    return _BLANK.sub("\n", joined)


def _in_order(name: str, found: list[str]) -> list[str]:
    """Adds a module to those that were found, after all that it imports."""
    if name not in found:
        for _, other in _IMPORT.findall(_source(name)):
            _in_order(other, found)
        found.append(name)
    return found


def _joined(name: str) -> str:
    source = _source(name)
    given = "".join(
        f"const {{{names.replace(' as ', ': ').strip()}}} = {_holder(other)};\n"
        for names, other in _IMPORT.findall(source)
    )
    exported = ", ".join(_EXPORT.findall(source))
    body = re.sub(r"^export ", "", _IMPORT.sub("", source), flags=re.MULTILINE)
    return f"const {_holder(name)} = (() => {{\n{given}{body}return {{ {exported} }};\n}})();\n"


def _holder(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))


@cache
def _source(name: str) -> str:
    return _COMMENT.sub("", static(name)[0].decode())
