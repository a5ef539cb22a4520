"""Apps under the real `opentelemetry-instrument`. Where that is not installed, nothing is collected."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("opentelemetry.instrumentation") is None:
    collect_ignore_glob = ["test_*.py"]
