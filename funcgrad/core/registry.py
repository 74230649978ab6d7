"""What the upper floors tell the core: the primitives, and what NumPy's names mean to a tracer.

This and the named-axis environment are the library's only module state.
"""

import importlib
from collections.abc import Callable
from typing import Any

# name -> Primitive: how an operator on a tracer finds what it stands for
primitives: dict[str, Any] = {}

# a NumPy function or ufunc, or (ufunc, method), -> the function that takes tracers
overrides: dict[Any, Callable[..., Any]] = {}


def primitive(name: str) -> Any:
    """Return the primitive of this name; so a pickled primitive is found again."""
    if name not in primitives:  # it may be of a part of the library that is not loaded yet
        package = importlib.import_module("funcgrad")
        for part in package._PARTS:
            importlib.import_module(f"funcgrad.{part}")
    return primitives[name]


def claim() -> None:
    """Keep the names of all present primitives from being taken by others."""
    for prim in primitives.values():
        prim.is_librarys = True
