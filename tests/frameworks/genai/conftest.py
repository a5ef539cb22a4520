"""OpenTelemetry's own GenAI instrumentations, offline against a local Roark. Elsewhere nothing is collected."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    version("opentelemetry-instrumentation-genai-openai")
except PackageNotFoundError:
    collect_ignore_glob = ["test_*.py"]
