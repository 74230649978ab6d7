"""Public names of a package: which ones there are, and loading them when first asked for."""

import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from .registry import load


def homes_of(contents: Mapping[str, str]) -> dict[str, str]:
    """Return the module of each name, from the names of each module."""
    return {name: module for module, names in contents.items() for name in names.split()}


def fetched(package: str, module: str, name: str) -> Any:
    """Return a name of a module below a package, and keep it in the package."""
    return kept(package, name, getattr(load(f"{package}.{module}"), name))


def kept(package: str, name: str, value: Any) -> Any:
    """Keep a value as a name of a module; return it, or that of a thread that was faster."""
    return vars(sys.modules[package]).setdefault(name, value)


def publish(name: str, more: Iterable[str] = ()) -> None:
    """Set ``__all__`` and ``__dir__`` of a public module; called where the module ends.

    Public are the names without an underscore that stand in it, but modules only if they are
    among ``more``, which also has the names that are loaded later. A module that defines functions
    beside helpers has an ``__all__`` of its own.
    """
    module = sys.modules[name]
    own = vars(module)
    names = own.get("__all__") or [n for n, x in own.items() if not isinstance(x, ModuleType)]
    listed = sorted({n for n in [*names, *more] if n[0] != "_"})
    module.__all__ = listed  # type: ignore[attr-defined]
    module.__dir__ = listed.copy  # type: ignore[method-assign]
