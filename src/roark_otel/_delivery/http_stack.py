"""The HTTP client underneath: `httpx2`, the maintained fork, where it is installed, else `httpx`.

Newer versions of openai and LiveKit Agents bring `httpx2`, and look for `httpx` among the loaded modules at each
request: while a thread of ours imported that one for the first time, they would find half of it, and raise in the app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpcore
    import httpx
else:
    try:
        import httpcore2 as httpcore
        import httpx2 as httpx
    except ImportError:
        import httpcore
        import httpx

__all__ = ["httpcore", "httpx"]
