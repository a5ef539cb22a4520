"""Turns voice conversations that an app traces with OpenTelemetry into calls at Roark, linked to their traces.

    span -> capture -> row -> log of what is open -> pass (dialects read it) -> call -> spool -> delivery -> Roark

Four things to know: a *span* carries `roark.external_id`; the spans of one id are a *conversation*; when its root span
ends it becomes a *call*; a call sits in the *spool* until Roark has it.
"""

from roark_otel import attributes, types
from roark_otel._handles.start import bind, call_attributes, conversation, start_conversation
from roark_otel._model.version import __version__
from roark_otel._settings.settings import Settings
from roark_otel._setup.attach_recording import attach_recording, attach_recording_async
from roark_otel._setup.configure import configure
from roark_otel._setup.processor import RoarkSpanProcessor, force_flush, get_processor, stats
from roark_otel._setup.sampler import RoarkSampler

__all__ = [
    "RoarkSampler",
    "RoarkSpanProcessor",
    "Settings",
    "__version__",
    "attach_recording",
    "attach_recording_async",
    "attributes",
    "bind",
    "call_attributes",
    "configure",
    "conversation",
    "force_flush",
    "get_processor",
    "start_conversation",
    "stats",
    "types",
]
