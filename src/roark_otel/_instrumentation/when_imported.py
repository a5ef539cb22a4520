"""Calls a function when a module is imported, or at once if it has been."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from roark_otel._safety.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Then = Callable[[ModuleType], None]


def when_imported(module: str, then: Then) -> None:
    """Calls a function with a module when its import has ended, or now if it is imported already.

    An import that fails is not reported, and what the function raises is logged.
    """
    then = guarded(None)(then)
    if (found := sys.modules.get(module)) is not None:
        if getattr(found.__spec__, "_initializing", False):
            with suppress(ImportError):  # of the thread that imports it, for which this waits
                then(import_module(module))
        else:
            then(found)
    else:
        _waiting.wait_for(module, then)


class _Waiting:
    """Finds the modules that are waited for, as the other finders do, with a loader that reports their import."""

    def __init__(self) -> None:
        self._then: dict[str, list[Then]] = {}
        self._finding: set[str] = set()

    def wait_for(self, module: str, then: Then) -> None:
        self._then.setdefault(module, []).append(then)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - as finders have it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Returns the specification of a module that is waited for; None of any other."""
        if fullname not in self._then or fullname in self._finding:
            return None
        self._finding.add(fullname)
        try:
            spec = find_spec(fullname)
        finally:
            self._finding.discard(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = cast("Loader", _Reporting(spec.loader, lambda module: self._report(fullname, module)))
        return spec

    def _report(self, name: str, module: ModuleType) -> None:
        for then in self._then.pop(name, ()):
            then(module)
        if not self._then and self in sys.meta_path:
            sys.meta_path.remove(self)


class _Reporting:
    """A loader that reports the module when its code has run."""

    def __init__(self, loader: Loader, report: Then) -> None:
        self._loader = loader
        self._report = report

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Creates the module as its own loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Runs the module's code, and reports the module."""
        self._loader.exec_module(module)
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._report(module)


_waiting = _Waiting()
