"""Listens to sessions of LiveKit Agents: with a realtime model the customer's words are on none of its spans.

    session -- events --> listener --> hearing --> placing        a span of what was said, below the session's own
                             `-- privacy: may words leave?

`starts` has each session listened to when it starts. `listener` hears its public events, `hearing` keeps what was heard
below one root span and writes it, `placing` says which words belong to which speech. The session holds its listener,
and the listener holds no session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import ModuleType

MODULE: Final = "livekit.agents"
"""The module after whose import the framework can be listened to."""


def listen(module: ModuleType) -> None:
    """Listens from now on to every session that starts."""
    from roark_otel._instrumentation.livekit.starts import listen_from_their_start

    listen_from_their_start(module)
