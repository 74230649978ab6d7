"""Names of a package that are loaded when they are first asked for."""

import sys
from collections.abc import Mapping
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
