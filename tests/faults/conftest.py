"""What the tests of faults share: every Python that the machine has."""

from __future__ import annotations

import pytest

from support import processes


@pytest.fixture(name="interpreter", params=processes.VERSIONS)
def _interpreter(request: pytest.FixtureRequest) -> str:
    """A Python with the package; without it the test is skipped."""
    return processes.python(request.param)
