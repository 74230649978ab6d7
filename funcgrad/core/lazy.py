"""Public names of a package, and loading them at first use."""

import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from .registry import load


def homes_of(contents: Mapping[str, str]) -> dict[str, str]:
    """Name -> module, from module -> names."""
    return {name: module for module, names in contents.items() for name in names.split()}


def fetched(package: str, module: str, name: str) -> Any:
    """Value of a name in a module below a package, which is stored in the package."""
    return kept(package, name, getattr(load(f"{package}.{module}"), name))


def kept(package: str, name: str, value: Any) -> Any:
    """Store a value in a module unless another thread was faster; the stored value."""
    return vars(sys.modules[package]).setdefault(name, value)


def publish(name: str, more: Iterable[str] = ()) -> None:
    """Set ``__all__`` and ``__dir__`` of a public module; called at its end.

    Names without an underscore are public, submodules only if they are in ``more``, which also
    lists names that are loaded later. A module with helpers defines ``__all__`` itself.
    """
    module = sys.modules[name]
    own = vars(module)
    names = own.get("__all__") or [n for n, x in own.items() if not isinstance(x, ModuleType)]
    listed = sorted({n for n in [*names, *more] if n[0] != "_"})
    module.__all__ = listed  # type: ignore[attr-defined]
    module.__dir__ = listed.copy  # type: ignore[method-assign]
