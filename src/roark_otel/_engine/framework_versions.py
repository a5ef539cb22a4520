"""Which version of a framework is installed here: its spans say who made them, not which version."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import Final

_DISTRIBUTIONS: Final = {
    "google-adk": "google-adk",
    "livekit-agents": "livekit-agents",
    "openai-agents": "openai-agents",
    "pipecat": "pipecat-ai",
    "strands-agents": "strands-agents",
}
"""What the package index calls the frameworks that dialects name in `property.framework`."""


@cache
def version_of(framework: str) -> str | None:
    """The installed version of a framework; None if it is not installed, as where spans come from elsewhere."""
    try:
        return metadata.version(_DISTRIBUTIONS[framework])
    except (KeyError, metadata.PackageNotFoundError):
        return None
