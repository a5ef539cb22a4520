"""Writes docs/performance.md from a run."""


def write(run: dict) -> None:
    """Writes it."""
