"""`roark-otel calls show`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from roark_otel._safety.printable import printable
from roark_otel.cli.calls.given import Given, given
from roark_otel.cli.problems import USAGE, Problem
from roark_otel.pages import outline
from roark_otel.pages.outline import answers
from roark_otel.pages.values import part, text

if TYPE_CHECKING:
    import argparse


def run_show(options: argparse.Namespace) -> int:
    """Shows a call as its outline, as its document in JSON, or as its page.

    Raises:
        Problem: if the page cannot be written, or its sound cannot be read.
    """
    if options.sound and options.html is None:
        raise Problem("--sound is for --html: name the file to write", USAGE)
    call = given(options.call)
    if options.html is not None:
        _write(call, options)
        return 0
    if options.json:
        print(json.dumps(_whole(call), ensure_ascii=True, indent=2))
        return 0
    print(_head(call))
    print(outline(call.body, times=options.times), end="")
    waits = [wait for _, _, wait in answers(call.body)]
    if waits:
        print(f"answers after {', '.join(f'{wait} ms' for wait in waits)}")
    _print_unknown(call)
    return 0


def _write(call: Given, options: argparse.Namespace) -> None:
    from roark_otel.cli.calls.sound import sound_of
    from roark_otel.cli.page import write_page

    sound = sound_of(call.document) if options.sound else None
    write_page(options.html, _whole(call), sound)
    print(f"{printable(str(options.html))}: open it in a browser, or attach it to an issue")
    _print_unknown(call)


def _whole(call: Given) -> dict[str, Any]:
    """Returns the document with what is not known of the call, so that a rule about that does not pass later on."""
    return {**call.document, "unknown": sorted(call.unknown)}


def _print_unknown(call: Given) -> None:
    for what in sorted(call.unknown):
        print(f"{what}: not available, {call.why_unknown(what)}")


def _head(call: Given) -> str:
    about = [text(call.body, "interfaceType"), text(call.body, "callDirection"), text(call.body, "startedAt")]
    trace = text(part(call.body, "properties"), "trace_id")
    known = [*(one for one in about if one), *([f"trace {trace}"] if trace else [])]
    return printable("  ".join([text(call.body, "externalId") or call.name, *known]))
