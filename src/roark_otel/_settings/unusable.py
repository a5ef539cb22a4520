"""Stands for a value of the environment that cannot be used, where the default would send calls to a wrong place."""

from __future__ import annotations

from typing import Final


class Unusable(str):
    """An address, or a project, that was set and cannot be used. It is empty, and only settings themselves make one."""

    __slots__ = ()


UNUSABLE: Final = Unusable()
"""Replaces a value of the environment that cannot be used."""
