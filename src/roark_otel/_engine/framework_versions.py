"""The installed version of a framework: its spans say which framework made them, but not which version."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from roark_otel._safety.late_imports import importing
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roark_otel._model.dialect import Dialect


def installed_versions(dialects: Sequence[Dialect]) -> Callable[[str], str | None]:
    """Returns a function that returns the installed version of a framework which these or the built-in dialects name.

    That function returns None if the framework is not installed, as where its spans come from another machine.
    """
    distributions: dict[str, str] = {}
    for dialect in (*dialects, *DIALECTS):
        distributions = {**dialect.distributions, **distributions}

    def version_of(framework: str) -> str | None:
        distribution = distributions.get(framework)
        return None if distribution is None else _installed(distribution)

    return version_of


@cache
def _installed(distribution: str) -> str | None:
    with importing():
        from importlib import metadata
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
