"""The fixture of tests that run on every Python that the machine has."""

from __future__ import annotations

import pytest

from support import processes


@pytest.fixture(name="interpreter", params=processes.VERSIONS)
def _interpreter(request: pytest.FixtureRequest) -> str:
    """Returns a Python that has the package, or skips the test."""
    return processes.python(request.param)
