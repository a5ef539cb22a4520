"""Turns voice conversations that an app traces with OpenTelemetry into calls at Roark, linked to their traces.

    span -> capture -> row -> log of what is open -> pass (dialects read it) -> call -> spool -> delivery -> Roark

Four things to know: a *span* carries `roark.external_id`; the spans of one id are a *conversation*; when its root span
ends it becomes a *call*; a call sits in the *spool* until Roark has it.
"""

import typing as _typing
from importlib import import_module as _import_module

from roark_otel import attributes
from roark_otel._handles.start import bind, call_attributes, conversation, start_conversation
from roark_otel._instrumentation.genai import log_processor_class as _log_processor_class
from roark_otel._instrumentation.instrument import instrument
from roark_otel._model.version import __version__
from roark_otel._settings.on_demand import settings_class as _settings_class
from roark_otel._setup.attach_recording import attach_recording, attach_recording_async
from roark_otel._setup.configure import configure
from roark_otel._setup.processor import RoarkSpanProcessor, aforce_flush, force_flush, get_processor, stats
from roark_otel._setup.sampler import RoarkSampler
from roark_otel._sources.assemble_call import assemble_call

if _typing.TYPE_CHECKING:
    from roark_otel import types
    from roark_otel._instrumentation.genai.log_processor import RoarkLogRecordProcessor
    from roark_otel._settings.settings import Settings

__all__ = [
    "RoarkLogRecordProcessor",
    "RoarkSampler",
    "RoarkSpanProcessor",
    "Settings",
    "__version__",
    "aforce_flush",
    "assemble_call",
    "attach_recording",
    "attach_recording_async",
    "attributes",
    "bind",
    "call_attributes",
    "configure",
    "conversation",
    "force_flush",
    "get_processor",
    "instrument",
    "start_conversation",
    "stats",
    "types",
]


if not _typing.TYPE_CHECKING:  # a misspelt name is an error for type checkers too

    def __getattr__(name: str) -> object:
        if name == "types":
            return _import_module("roark_otel.types")
        if name == "Settings":
            return _settings_class()
        if name == "RoarkLogRecordProcessor":
            return _log_processor_class()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
