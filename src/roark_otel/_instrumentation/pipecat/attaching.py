"""Attaches an observer to a worker of Pipecat."""

from __future__ import annotations

import weakref
from importlib import import_module
from typing import TYPE_CHECKING, Any

from roark_otel._instrumentation import pipecat
from roark_otel._instrumentation.pipecat import kinds, speakers
from roark_otel._instrumentation.pipecat.call import Call
from roark_otel._instrumentation.pipecat.ears import Ears
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Mapping

_attached: weakref.WeakSet[Any] = weakref.WeakSet()

_OF_ANOTHER: frozenset[str] = frozenset(
    {"LLMFullResponseStartFrame", "TTSSpeakFrame", "FunctionCallInProgressFrame", "LLMMessagesAppendFrame"}
)
"""The frames by which the worker that has the line knows which of the others speaks or acts."""


@guarded(None)
def attach(worker: Any) -> None:  # noqa: ANN401 - a `PipelineWorker`, or a `PipelineTask` before Pipecat 1.3
    """Attaches an observer to a worker, once."""
    if not pipecat.is_listening() or worker in _attached:
        return
    _attached.add(worker)
    if getattr(worker, "bridged", False):
        worker.add_observer(_watching(worker.name))
        return
    tracing = getattr(worker, "_tracing_context", None)
    attributes: Mapping[str, Any] = getattr(worker, "_additional_span_attributes", None) or {}
    if tracing is None and not (_has_transport(worker.pipeline) or attributes):
        return  # it works for another one, or holds no conversation
    ears = Ears(Call(attributes, getattr(worker, "_conversation_id", None), tracing))
    worker.add_observer(_listening(ears))
    _notice_who_leaves(worker.pipeline, weakref.ref(ears))


def _listening(ears: Ears) -> object:
    """Returns an observer that hears a conversation. Without the end of its pipeline it ends with the observer."""
    base: Any = import_module("pipecat.observers.base_observer").BaseObserver

    class RoarkObserver(base):  # type: ignore[misc]
        async def on_push_frame(self, data: Any) -> None:  # noqa: ANN401
            if (hears := ears.hears(data.frame.__class__)) is not None:
                hears(data)

        async def cleanup(self) -> None:
            ears.finish()
            await base.cleanup(self)

    observer = RoarkObserver()
    weakref.finalize(observer, ears.finish).atexit = False
    return observer


def _watching(worker: str) -> object:
    """Returns an observer that notes what a worker begins, for the one that has the line to the customer."""
    base: Any = import_module("pipecat.observers.base_observer").BaseObserver

    class RoarkWatcher(base):  # type: ignore[misc]
        async def on_push_frame(self, data: Any) -> None:  # noqa: ANN401
            if _OF_ANOTHER & kinds.names_of(data.frame):
                _note(data.frame, worker)

    return RoarkWatcher()


@guarded(None)
def _note(frame: Any, worker: str) -> None:  # noqa: ANN401
    for frame_id in (frame.id, getattr(frame, "broadcast_sibling_id", None)):
        if frame_id is not None:
            speakers.began(frame_id, worker)


def _processors(processor: Any) -> list[Any]:  # noqa: ANN401
    """Returns a processor and all that are part of it."""
    found = [processor]
    for part in getattr(processor, "processors", ()):
        found += _processors(part)
    return found


def _has_transport(pipeline: object) -> bool:
    return any(kinds.is_a(one, kinds.INPUT) or kinds.is_a(one, kinds.OUTPUT) for one in _processors(pipeline))


@guarded(None)
def _notice_who_leaves(pipeline: object, ears: weakref.ref[Ears]) -> None:
    """Asks the transport to report when it loses the customer. No frame says so."""

    def left(*_: object) -> None:
        if (listening := ears()) is not None:
            listening.left()

    for processor in _processors(pipeline):
        transport: Any = getattr(processor, "_transport", None) if kinds.is_a(processor, kinds.INPUT) else None
        if "on_client_disconnected" in getattr(transport, "_event_handlers", ()):
            transport.add_event_handler("on_client_disconnected", left)
