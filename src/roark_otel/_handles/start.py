"""What an app calls itself: telling the spans of a call what they belong to, and telling a whole conversation."""

from __future__ import annotations

import functools
import inspect
import time
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from opentelemetry import baggage, trace
from opentelemetry import context as otel_context

from roark_otel import attributes
from roark_otel._capture.call_context import with_call_attributes
from roark_otel._handles.arguments import bad, span_attributes, valid_external_id
from roark_otel._handles.current_span import Attached
from roark_otel._handles.handle import TracedConversation
from roark_otel._handles.times import instant_ns
from roark_otel._model.version import __version__
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from opentelemetry.trace import Span, Tracer, TracerProvider
    from typing_extensions import Unpack

    from roark_otel._capture.call_context import Told
    from roark_otel.types import CallAttributes, ConversationHandle

P = ParamSpec("P")
R = TypeVar("R")


class call_attributes(AbstractContextManager[None], AbstractAsyncContextManager[None]):  # noqa: N801 - reads as a verb
    """Gives every span that starts inside the attributes of one call, also those of frameworks that you do not start.

    Use it with `with` or `async with`. The first span of each trace that starts inside is stamped with
    `roark.external_id`, so that the trace links to the call. Tasks that are started inside keep the attributes after
    the block. Where an async generator with such a block is closed by another task, the attributes are taken back
    from all tasks, but baggage cannot be: use `as_baggage` in no generator.

    Args:
        external_id: The id of the call, 1 to 255 characters.
        as_baggage: Also carry the id, and nothing else, to other processes: it becomes a header of every outgoing
            request. Default: False.
        about: What else is true of the call, see `roark_otel.types.CallAttributes`.
    """

    def __init__(
        self, *, external_id: str | None = None, as_baggage: bool = False, **about: Unpack[CallAttributes]
    ) -> None:
        self._told: dict[str, str | bool | int | float] = {}
        self._baggage_id: str | None = None
        self._entered: list[tuple[Attached, Told]] = []
        self._read(external_id, about, as_baggage=as_baggage)

    @guarded(None)
    def _read(self, external_id: str | None, about: CallAttributes, *, as_baggage: bool) -> None:
        self._told = span_attributes(about)
        if external_id is not None and (valid := valid_external_id(external_id)) is not None:
            self._told[attributes.EXTERNAL_ID] = valid
            self._baggage_id = valid if as_baggage else None

    def __enter__(self) -> None:
        context, told = with_call_attributes(self._told)
        if self._baggage_id is not None:
            context = baggage.set_baggage(attributes.EXTERNAL_ID, self._baggage_id, context)
        self._entered.append((Attached(context), told))

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        attached, told = self._entered.pop()
        if not attached.take_back():
            told.take_back()

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, fault, traceback)


def start_conversation(
    external_id: str,
    *,
    start_time: datetime | float | None = None,
    tracer_provider: TracerProvider | None = None,
    **about: Unpack[CallAttributes],
) -> ConversationHandle:
    """Begins a conversation that the app tells itself, for an app whose conversations fit no block.

    What came before it in the current task, such as a server's span, is what its root span is below; apart from that it
    needs no context, and its handle may be used from any task or thread. It never raises; without a tracer provider it
    does nothing. Call `end` on what it returns: that makes the call.

    Args:
        external_id: The id of the call, 1 to 255 characters.
        start_time: When it began, an aware datetime or seconds since the epoch: sample 0 of the recording, and zero of
            all offsets. Default: now.
        tracer_provider: Whose spans to make. Default: the global one.
        about: What is known of the call already, see `roark_otel.types.CallAttributes`.
    """
    return _start(external_id, about, start_time, tracer_provider)


class conversation(  # noqa: N801 - reads as a noun of the language
    AbstractContextManager["ConversationHandle"], AbstractAsyncContextManager["ConversationHandle"]
):
    """A conversation that the app tells itself, as a block: `with conversation("call-123") as call: ...`.

    As `start_conversation`; besides, spans that other libraries start in the block are below its root. The end of the
    block is the end of the call. An exception that leaves it makes the call end with AGENT_ERROR, unless it says that
    somebody hung up (`WebSocketDisconnect`, `ConnectionClosed…`, `ClientDisconnect`, cancellation), and always goes on.

    Args:
        external_id: The id of the call, 1 to 255 characters.
        as_baggage: As of `call_attributes`.
        start_time: As of `start_conversation`.
        tracer_provider: As of `start_conversation`.
        about: What is known of the call already, see `roark_otel.types.CallAttributes`.
    """

    def __init__(
        self,
        external_id: str,
        *,
        as_baggage: bool = False,
        start_time: datetime | float | None = None,
        tracer_provider: TracerProvider | None = None,
        **about: Unpack[CallAttributes],
    ) -> None:
        self._start = functools.partial(_start, external_id, about, start_time, tracer_provider)
        self._as_baggage = as_baggage
        self._entered: list[tuple[TracedConversation, list[AbstractContextManager[None]]]] = []

    def __enter__(self) -> ConversationHandle:
        handle = self._start()
        blocks = [handle.current()]
        if self._as_baggage:
            blocks.insert(0, call_attributes(external_id=handle.external_id, as_baggage=True))
        for block in blocks:
            block.__enter__()
        self._entered.append((handle, blocks))
        return handle

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        handle, blocks = self._entered.pop()
        for block in reversed(blocks):
            block.__exit__(None, None, None)
        if fault is not None:
            handle.fail(fault)
        handle.end()

    async def __aenter__(self) -> ConversationHandle:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, fault, traceback)


def bind(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, which runs in what is current now: for threads and executors, which inherit no context.

    `pool.submit(roark_otel.bind(work), ...)`. The current span, `call_attributes` and baggage of the caller hold in it.

    Args:
        function: A function or a coroutine function.
    """
    context = otel_context.get_current()
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def bound_coroutine(*args: P.args, **kwargs: P.kwargs) -> object:
            attached = Attached(context)
            try:
                return await function(*args, **kwargs)
            finally:
                attached.take_back()

        return cast("Callable[P, R]", bound_coroutine)

    @functools.wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        attached = Attached(context)
        try:
            return function(*args, **kwargs)
        finally:
            attached.take_back()

    return bound


def _start(
    external_id: str,
    about: CallAttributes,
    start_time: datetime | float | None,
    tracer_provider: TracerProvider | None,
) -> TracedConversation:
    now_ns = time.time_ns()
    start_ns = _start_ns(start_time, now_ns)
    tracer = trace.get_tracer("roark_otel", __version__, tracer_provider)
    root = _root(tracer, external_id, about, now_ns if start_ns is None else start_ns)
    return TracedConversation(external_id, root or trace.INVALID_SPAN, tracer, start_ns or now_ns)


@guarded(None)
def _start_ns(start_time: datetime | float | None, now_ns: int) -> int | None:
    try:
        return None if start_time is None else instant_ns(start_time, now_ns)
    except ValueError as fault:
        bad("start_time", str(fault))
        return None


@guarded(None)
def _root(tracer: Tracer, external_id: str, about: CallAttributes, start_ns: int) -> Span:
    told = {**span_attributes(about), attributes.CONVERSATION_ROOT: True}
    if (valid := valid_external_id(external_id)) is not None:
        told[attributes.EXTERNAL_ID] = valid
    return tracer.start_span("conversation", attributes=told, start_time=start_ns)
