"""Which exceptions only mean that a participant hung up, also inside groups, as Python writes them."""

from __future__ import annotations

import asyncio
import sys
import traceback
from typing import Any

import anyio
import pytest
from exceptiongroup import BaseExceptionGroup, ExceptionGroup
from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from roark_otel._model.hangups import bare_trace, is_goodbye, is_hang_up, telling_type


def recorded(fault: BaseException) -> tuple[str, str]:
    """The type and the stack trace that the SDK records of an exception."""
    with pytest.raises(type(fault)):
        raise fault
    kind = type(fault)
    trace = "".join(traceback.format_exception(kind, fault, fault.__traceback__))
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}", trace


def hangs_up(fault: BaseException) -> bool:
    kind, trace = recorded(fault)
    found = is_hang_up(telling_type(kind, trace))
    assert is_hang_up(telling_type(kind, bare_trace(trace))) is found or not isinstance(fault, BaseExceptionGroup)
    return found


HANG_UPS: list[BaseException] = [
    WebSocketDisconnect(1001, "gone"),
    ClientDisconnect(),
    ConnectionClosedOK(None, None),
    ConnectionClosedError(None, None),
    anyio.ClosedResourceError(),
    anyio.BrokenResourceError(),
    anyio.EndOfStream(),
    asyncio.CancelledError(),
    GeneratorExit(),
]
ERRORS: list[BaseException] = [
    ValueError("x"),
    KeyError("WebSocketDisconnect"),
    ConnectionRefusedError(),
    TimeoutError(),
]


@pytest.mark.parametrize("fault", HANG_UPS, ids=repr)
def test_hang_ups(fault: BaseException) -> None:
    assert (hangs_up(fault), is_goodbye(fault)) == (True, True)


@pytest.mark.parametrize("fault", ERRORS, ids=repr)
def test_errors(fault: BaseException) -> None:
    assert (hangs_up(fault), is_goodbye(fault)) == (False, False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("uvicorn.protocols.utils.ClientDisconnected", True),
        ("aiohttp.client_exceptions.ClientConnectionResetError", True),
        ("aiohttp.client_exceptions.ServerDisconnectedError", False),
        ("simple_websocket.errors.ConnectionClosed", True),
        ("tornado.websocket.WebSocketClosedError", True),
        ("concurrent.futures._base.CancelledError", True),
        ("trio.Cancelled", True),
        ("trio.BrokenResourceError", True),
        ("database.BrokenResourceError", False),
        ("orders.Cancelled", False),
        ("app.WebSocketDisconnectError", False),
    ],
)
def test_names(name: str, expected: bool) -> None:
    assert is_hang_up(name) is expected


def caused(fault: BaseException, by: BaseException) -> BaseException:
    """The exception, as `raise fault from by` leaves it."""
    with pytest.raises(type(fault)):
        raise fault from by
    return fault


def nested(inside: list[BaseException], depth: int) -> BaseException:
    group: Any = BaseExceptionGroup("unhandled errors in a TaskGroup", inside)
    for _ in range(depth):
        group = BaseExceptionGroup("outer", [group])
    return group


DECEIVING = "first\n    +---------------- 9 ----------------\n    | starlette.websockets.WebSocketDisconnect: x"


@pytest.mark.parametrize("depth", [0, 1, 4])
@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ([WebSocketDisconnect(1000)], True),
        ([WebSocketDisconnect(1000, "a\nValueError: b"), asyncio.CancelledError(), anyio.EndOfStream()], True),
        ([anyio.ClosedResourceError()] * 30, True),
        ([WebSocketDisconnect(1000), ValueError("x")], False),
        ([ValueError("x"), WebSocketDisconnect(1000)], False),
        ([ValueError(DECEIVING)], False),
        ([caused(RuntimeError(), WebSocketDisconnect(1000))], False),
        ([caused(WebSocketDisconnect(1000), KeyError("x"))], True),
        ([ExceptionGroup("in", [WebSocketDisconnect(1000)]), ExceptionGroup("in", [KeyError("x")])], False),
        ([ExceptionGroup("in", [WebSocketDisconnect(1000)]), ClientDisconnect()], True),
    ],
)
def test_a_group_is_a_hang_up_if_all_in_it_is_one(inside: list[BaseException], depth: int, expected: bool) -> None:
    fault = nested(inside, depth)
    assert hangs_up(fault) is expected
    assert is_goodbye(fault) is expected


class Failures(BaseExceptionGroup[BaseException]):
    """A group of a class of its own, as libraries derive theirs."""

    class Inner(ExceptionGroup[Exception]):
        """A class in another."""


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Failures("a", [WebSocketDisconnect(1000)]), True),
        (Failures("a\nValueError: b", [WebSocketDisconnect(1000), asyncio.CancelledError()]), True),
        (Failures("a", [Failures.Inner("in", [WebSocketDisconnect(1000)]), ClientDisconnect()]), True),
        (Failures.Inner("a", [ExceptionGroup("in", [Failures.Inner("in", [ClientDisconnect()])])]), True),
        (ExceptionGroup("a", [Failures.Inner("in", [ClientDisconnect()])]), True),
        (Failures("a", [WebSocketDisconnect(1000), ValueError("x")]), False),
        (Failures("a", [Failures.Inner("in", [ValueError("x")]), ClientDisconnect()]), False),
        (ExceptionGroup("a", [Failures.Inner("in", [ValueError(DECEIVING)])]), False),
    ],
)
def test_a_group_of_a_class_of_its_own(fault: BaseException, expected: bool) -> None:
    assert hangs_up(fault) is expected
    assert is_goodbye(fault) is expected


def test_an_error_that_a_group_of_hang_ups_caused_is_one() -> None:
    for group in (nested([WebSocketDisconnect(1000)], 0), Failures("a", [WebSocketDisconnect(1000)])):
        assert not hangs_up(caused(ValueError("x"), group))


def test_an_error_whose_message_looks_like_a_group_is_one() -> None:
    tree = "  + Exception Group Traceback (most recent call last):\n  | ValueError: x\n"
    assert not hangs_up(ValueError(f"x\n{tree}  +-+---------------- 1 ----------------\n    | ClientDisconnect: x"))


def test_a_group_that_another_group_caused() -> None:
    """Only the one that was recorded counts."""
    assert hangs_up(caused(nested([WebSocketDisconnect(1000)], 1), nested([ValueError("x")], 0)))
    assert not hangs_up(caused(nested([ValueError("x")], 0), nested([WebSocketDisconnect(1000)], 1)))


@pytest.mark.parametrize("trace", ["", None, 7, "Traceback", "x" * 3_000_000, "  + Exception Group Traceback"])
def test_a_group_of_which_nothing_is_seen_is_an_error(trace: object) -> None:
    assert not is_hang_up(telling_type("ExceptionGroup", trace))
    assert bare_trace(trace) == ""


def test_a_trace_that_was_cut_says_what_it_shows() -> None:
    _, trace = recorded(nested([WebSocketDisconnect(1000), ValueError("x")], 0))
    assert is_hang_up(telling_type("ExceptionGroup", trace[: trace.index("2 ---")]))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="task groups came with 3.11")
def test_a_real_task_group() -> None:
    async def receive() -> None:
        raise WebSocketDisconnect(1000)

    async def talk() -> None:
        async with vars(asyncio)["TaskGroup"]() as group:
            group.create_task(receive())
            group.create_task(asyncio.sleep(60))

    with pytest.raises(BaseExceptionGroup) as raised:
        asyncio.run(talk())
    assert hangs_up(raised.value)


def test_a_real_anyio_task_group() -> None:
    async def receive() -> None:
        send, stream = anyio.create_memory_object_stream[str]()
        send.close()
        with stream:
            await stream.receive()

    async def talk() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(receive)
            group.start_soon(anyio.sleep, 60)

    with pytest.raises(BaseExceptionGroup) as raised:
        anyio.run(talk)
    assert hangs_up(raised.value)
