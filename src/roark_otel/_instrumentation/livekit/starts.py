"""Has each session listened to when it starts, whoever else wraps its class, before or after."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING, Any, Final

from roark_otel._instrumentation.livekit.listener import Listener
from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from types import ModuleType

_MARK: Final = "_roark_otel_listens"

_listeners: dict[int, tuple[weakref.ref[object], weakref.ref[Listener]]] = {}
"""The sessions that are listened to, by the id of the object: a subclass need not be hashable."""


def listen_from_their_start(framework: ModuleType) -> None:
    """Wraps `AgentSession.start`, once."""
    sessions = framework.AgentSession
    original = sessions.start
    if getattr(original, _MARK, False):  # also below the wrapper of another package, which keeps what it finds
        return

    @functools.wraps(original)
    async def start(self: object, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the framework's own
        listener = _listener_of(self, framework)
        result = await original(self, *args, **kwargs)
        if listener is not None:
            listener.started()
        return result

    setattr(start, _MARK, True)
    sessions.start = start


@guarded(None)
def _listener_of(session: object, framework: ModuleType) -> Listener | None:
    """Returns the listener of a session, which gets one the first time."""
    known = _listeners.get(id(session))
    if known is not None and known[0]() is session:
        return known[1]()
    listener = Listener(session, framework)
    key = id(session)
    _listeners[key] = weakref.ref(session, lambda _: _listeners.pop(key, None)), weakref.ref(listener)
    listener.attach(session)
    return listener
