"""Recognizes exceptions that only mean that a participant hung up, or that the app stopped waiting.

They are known by their names, so that no library has to be imported for its exceptions, not even asyncio. A group of
exceptions is a hang-up if everything in it is one: a task group raises one where a connection has closed.
"""

from __future__ import annotations

import re
from typing import Final, cast

_HANG_UPS: Final = re.compile(
    r"(?:^|\.)(?:"
    r"WebSocketDisconnect|ClientDisconnect\w*|ClientConnectionResetError"  # Starlette, uvicorn, aiohttp
    r"|ConnectionClosed\w*|WebSocketConnectionClosedException|WebSocketClosedError|WebsocketClosed"  # of websockets
    r"|CancelledError|GeneratorExit"
    r")$"
    r"|^(?:(?:anyio|trio)\b.*\.)?(?:ClosedResourceError|BrokenResourceError|EndOfStream)$"
    r"|^trio\b.*\.Cancelled$"
)
_GROUP: Final = re.compile(r"(?:^|\.)(?:Base)?ExceptionGroup$|(?:^|\.)MultiError$")

_MAX_TRACE: Final = 1_000_000
"""The most characters of a stack trace that are read."""

_TREE: Final = "  + Exception Group Traceback"
_PLAIN: Final = "Traceback (most recent call last)"
_OWN_MARGIN: Final = "  | "
_INSIDE: Final = re.compile(r" *\+(?:-\+)?-+ (?:\d+|\.\.\.) -+$")
"""The line above an exception of a group. A line of a message has a margin before it, and cannot be one."""

_OPENS: Final = re.compile(r" *\+-\+-")
"""The line above the first exception of a group: what was named before it is the group, of whatever class."""

_MARGIN: Final = re.compile(r"(?: *\| ?)?")
_TYPE: Final = re.compile(r"[^\W\d][\w.<>]*(?=$|:)")
_BEFORE_ANOTHER: Final = ("Traceback (most", "The above exception was", "During handling of the above")
"""What is written between an exception and the one that it caused, which is the one of the group."""


def is_hang_up(exception_type: str) -> bool:
    """Returns whether an exception of this type is a hang-up and not an error.

    Hang-ups are those of Starlette (`WebSocketDisconnect`, `ClientDisconnect`), uvicorn, aiohttp (a peer's reset),
    websockets (`ConnectionClosedOK` and the like) and other websocket libraries, the closed and broken streams of anyio
    and trio, and cancellation. The name may be qualified.
    """
    return _HANG_UPS.search(exception_type) is not None


def is_goodbye(fault: BaseException) -> bool:
    """Returns whether an exception only means that a participant hung up, or that the app stopped waiting."""
    if several := cast("tuple[BaseException, ...]", getattr(fault, "exceptions", ())):
        return all(map(is_goodbye, several))  # an ExceptionGroup, which Python 3.10 does not have
    return any(is_hang_up(_qualified(kind)) for kind in type(fault).__mro__)


def _qualified(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def telling_type(exception_type: str, stack_trace: object) -> str:
    """Returns the type that says how a span ended: of a group, that of an exception in it, an error's if there is one.

    Args:
        exception_type: The `exception.type` of an event.
        stack_trace: Its `exception.stacktrace`. What that does not show, because it was cut, is not known. A group of
            a class of its own is known by it, if it begins with a group's.
    """
    if _GROUP.search(exception_type) is None:
        group = _type_of_group(stack_trace)
        if group is None or not f".{exception_type}".endswith(f".{group}"):
            return exception_type
    inside = _types_in_group(stack_trace)
    return next((one for one in inside if not is_hang_up(one)), inside[0] if inside else exception_type)


def bare_trace(stack_trace: object) -> str:
    """Returns of a stack trace no more than the types of the exceptions in a group, as `telling_type` reads them."""
    inside = [f"+---- {number} ----\n  | {one}" for number, one in enumerate(_types_in_group(stack_trace), 1)]
    group = _type_of_group(stack_trace) if inside else None
    return "\n".join(inside if group is None else [_TREE, f"{_OWN_MARGIN}{group}", *inside])


def _type_of_group(stack_trace: object) -> str | None:
    """Returns the type of the group that a stack trace is of; None if it does not begin with one.

    Only what it begins with is not the message of an exception, which may have any lines. A group may also have caused
    the exception that the trace is of.
    """
    if not (isinstance(stack_trace, str) and stack_trace.startswith(_TREE)):
        return None
    found: str | None = None
    is_above = False
    for line in stack_trace[:_MAX_TRACE].splitlines():
        if line.startswith((_TREE, _PLAIN)):
            found, is_above = None, line.startswith(_TREE)
        elif _INSIDE.match(line):
            is_above = False
        elif is_above and found is None and line.startswith(_OWN_MARGIN):
            known = _TYPE.match(line, len(_OWN_MARGIN))
            found = None if known is None else known.group()
    return found


def _types_in_group(stack_trace: object) -> list[str]:
    """Returns the types of the exceptions in a group, without the groups among them."""
    found: list[str] = []
    current: str | None = None
    is_inside = False
    for line in stack_trace[:_MAX_TRACE].splitlines() if isinstance(stack_trace, str) else ():
        if line.startswith(_TREE):
            found, current, is_inside = [], None, False  # the one before only caused this one
        elif _INSIDE.match(line):
            _keep(found, None if _OPENS.match(line) else current)
            current, is_inside = None, True
        elif is_inside:
            text = _MARGIN.sub("", line, count=1)
            if text.startswith(_BEFORE_ANOTHER):
                current = None
            elif current is None and (known := _TYPE.match(text)) is not None:
                current = known.group()
    _keep(found, current)
    return found


def _keep(found: list[str], one: str | None) -> None:
    if one is not None and _GROUP.search(one) is None:
        found.append(one)
