"""What an app calls: attributes for the spans of a call, and a conversation that the app describes itself."""

from __future__ import annotations

import functools
import inspect
import logging
import time
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from opentelemetry import baggage, trace
from opentelemetry import context as otel_context

from roark_otel import attributes
from roark_otel._capture.call_context import ConversationValues, with_call_attributes, with_conversation
from roark_otel._capture.savers import save_what_ended, wait_at_end_seconds
from roark_otel._handles.arguments import span_attributes, valid_external_id
from roark_otel._handles.conversation import ConversationHandle
from roark_otel._handles.current_span import AttachedContext
from roark_otel._handles.times import epoch_ns
from roark_otel._handles.unheard import warn_of_unheard
from roark_otel._model.version import __version__
from roark_otel._safety.guard import guarded, log_once
from roark_otel._safety.off_loop import off_loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from opentelemetry.trace import Span, Tracer, TracerProvider
    from typing_extensions import Unpack

    from roark_otel._capture.call_context import ContextAttributes
    from roark_otel._handles.arguments import CallAttributes

_P = ParamSpec("_P")
_R = TypeVar("_R")


class call_attributes(AbstractContextManager[None], AbstractAsyncContextManager[None]):  # noqa: N801 - reads as a verb
    """Gives every span that starts in the block the attributes of one call, also the spans of frameworks.

    Use it with `with` or `async with`. The first span of each trace that starts inside is stamped with
    `roark.external_id`, so that the trace links to the call. Tasks that are started inside keep the attributes after
    the block. Where another task closes an async generator with such a block, the attributes are taken back from all
    tasks, but baggage cannot be: do not use `as_baggage` in a generator.

    Args:
        external_id: The id of the call, 1 to 255 characters.
        as_baggage: Also carry the id, and nothing else, to other processes: it becomes a header of every outgoing
            request. Default: False.
        about: What else describes the call, see `roark_otel.types.CallAttributes`.
    """

    def __init__(
        self, *, external_id: str | None = None, as_baggage: bool = False, **about: Unpack[CallAttributes]
    ) -> None:
        self._attributes: dict[str, str | bool | int | float] = {}
        self._baggage_id: str | None = None
        self._entered: list[tuple[AttachedContext, ContextAttributes]] = []
        self._read(external_id, about, as_baggage=as_baggage)

    @guarded(None)
    def _read(self, external_id: str | None, about: CallAttributes, *, as_baggage: bool) -> None:
        self._attributes = span_attributes(about)
        if external_id is not None and (valid := valid_external_id(external_id)) is not None:
            self._attributes[attributes.EXTERNAL_ID] = valid
            self._baggage_id = valid if as_baggage else None

    def __enter__(self) -> None:
        context, values = with_call_attributes(self._attributes)
        if self._baggage_id is not None:
            context = baggage.set_baggage(attributes.EXTERNAL_ID, self._baggage_id, context)
        self._entered.append((AttachedContext(context), values))

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        attached, values = self._entered.pop()
        if not attached.take_back():
            values.take_back()

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
    """Starts a conversation that the app describes itself, where a block does not fit.

    Its root span is a child of the span that is current here, such as a server's; apart from that it needs no context,
    and any task or thread may use its handle. It never raises. Without a tracer provider that has a processor it does
    nothing, and logs one warning. Call `end` on the handle: that makes the call.

    Args:
        external_id: The id of the call, 1 to 255 characters.
        start_time: When it began, an aware datetime or seconds since the epoch: sample 0 of the recording, and zero of
            all offsets. Default: now.
        tracer_provider: Makes the spans. Default: the global one, as for anything that is not a provider, which is
            logged.
        about: What describes the call so far, see `roark_otel.types.CallAttributes`.
    """
    return _start(external_id, about, start_time, tracer_provider)


class conversation(  # noqa: N801 - reads as a noun of the language
    AbstractContextManager["ConversationHandle"], AbstractAsyncContextManager["ConversationHandle"]
):
    """Describes a conversation in a block: `with conversation("call-123") as call: ...`.

    It works as `start_conversation` does, and spans that other libraries start in the block belong to it. The call ends
    with the block. An exception that leaves the block is re-raised, and gives the call the ended status AGENT_ERROR
    unless it is a hang-up (`WebSocketDisconnect`, `ConnectionClosed…`, `ClientDisconnect`, cancellation).

    The end of an `async with` block waits until the call is on disk, see `ROARK_WAIT_AT_END_SECONDS`; the event loop
    goes on meanwhile.

    Args:
        external_id: The id of the call, 1 to 255 characters.
        as_baggage: See `call_attributes`.
        start_time: See `start_conversation`.
        tracer_provider: See `start_conversation`.
        about: What describes the call so far, see `roark_otel.types.CallAttributes`.
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
        self._start = partial(_start, external_id, about, start_time, tracer_provider)
        self._as_baggage = as_baggage
        self._entered: list[tuple[ConversationHandle, list[AbstractContextManager[None]]]] = []

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
        # A server that ends, ends after its handlers: what the handler waits for is not lost.
        if (seconds := wait_at_end_seconds(is_async=True)) > 0:
            await off_loop(partial(save_what_ended, seconds))


def bind(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Returns a function that runs in the context that is current now: threads and executors inherit none.

    `pool.submit(roark_otel.bind(work), ...)`. The current span, `call_attributes` and baggage of the caller hold in it.

    Args:
        function: A function or a coroutine function.
    """
    context = otel_context.get_current()
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def bound_coroutine(*args: _P.args, **kwargs: _P.kwargs) -> object:
            attached = AttachedContext(context)
            try:
                return await function(*args, **kwargs)
            finally:
                attached.take_back()

        return cast("Callable[_P, _R]", bound_coroutine)

    @functools.wraps(function)
    def bound(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        attached = AttachedContext(context)
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
) -> ConversationHandle:
    now_ns = time.time_ns()
    start_ns = _start_ns(start_time, now_ns)
    tracer = _tracer(tracer_provider) or trace.NoOpTracer()
    root = _root(tracer, tracer_provider, external_id, about, now_ns if start_ns is None else start_ns)
    return ConversationHandle(external_id, root or trace.INVALID_SPAN, tracer, start_ns or now_ns)


@guarded(None)
def _tracer(provider: TracerProvider | None) -> Tracer:
    if provider is not None and (isinstance(provider, type) or not callable(getattr(provider, "get_tracer", None))):
        log_once(
            logging.ERROR,
            ("tracer_provider",),
            "tracer_provider: must be a tracer provider of OpenTelemetry; using the global one: pass "
            "opentelemetry.sdk.trace.TracerProvider(), or nothing",
        )
        provider = None
    return trace.get_tracer("roark_otel", __version__, provider)


@guarded(None)
def _start_ns(start_time: datetime | float | None, now_ns: int) -> int | None:
    return epoch_ns("start_time", start_time, now_ns)


@guarded(None)
def _root(
    tracer: Tracer, provider: TracerProvider | None, external_id: str, about: CallAttributes, start_ns: int
) -> Span:
    described = {**span_attributes(about), attributes.CONVERSATION_ROOT: True}
    if (valid := valid_external_id(external_id)) is not None:
        described[attributes.EXTERNAL_ID] = valid
    values = ConversationValues(described)
    root = tracer.start_span("conversation", with_conversation(values), attributes=described, start_time=start_ns)
    if not values.is_heard:
        warn_of_unheard(root, provider)
    return root
