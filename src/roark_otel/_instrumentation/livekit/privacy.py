"""Whether a session keeps its words private, as LiveKit's own filter of spans does it since 1.8.

What is heard does not pass through that filter. So it is asked what it would do; its parts are private, and where they
cannot be found, what the app has asked for in public holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from types import ModuleType

    from opentelemetry.trace import Span, TracerProvider

_ALLOWED: Final = "LIVEKIT_TELEMETRY_ALLOW_PII"
_NO: Final = frozenset({"0", "false", "no", "off"})
_REDACTED: Final = "lk.redaction.enabled"


def keeps_private(framework: ModuleType, session: object, root: Span, provider: TracerProvider) -> bool:
    """Returns whether no word of a session may leave it.

    Args:
        framework: The module `livekit.agents`.
        session: The session, or None when the app has let it go.
        root: The session's span.
        provider: Where the session's spans are written.
    """
    attributes = getattr(root, "attributes", None)
    stamped = cast("Mapping[str, object]", attributes if isinstance(attributes, Mapping) else {})
    if stamped.get(_REDACTED) or getattr(session, "_redaction_enabled", False) is True:
        return True
    decided = getattr(_telemetry_utils(framework), "redaction_enabled", None)
    if callable(decided) and decided(stamped) is True:
        return True
    return not _is_allowed(provider)


def _telemetry_utils(framework: ModuleType) -> object:
    return getattr(getattr(framework, "telemetry", None), "utils", None)


def _is_allowed(provider: TracerProvider) -> bool:
    for processor in _processors(provider):
        if isinstance(allowed := getattr(processor, "_allow_pii", None), bool):
            return allowed
    return os.environ.get(_ALLOWED, "").strip().lower() not in _NO


def _processors(provider: TracerProvider) -> tuple[object, ...]:
    many = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    return tuple(cast("Iterable[object]", many)) if isinstance(many, (list, tuple)) else ()
