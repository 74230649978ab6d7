"""Table of the support for each function, ufunc and ndarray method of NumPy in traced code.

The status of a name is read from its rule, its primitive, or its refusal.
"""

import importlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..core.explanations import ABSENT
from ..core.missing import why_refused
from ..core.registry import overrides, primitives
from ..core.trace import AbstractTracer, ConcreteTracer, Primitive
from .dispatch import DIFFERENTIABLE, EAGER_NO_DERIVATIVE, NO_DERIVATIVE, REFUSED
from .ufunc_methods import METHODS

SPACES = (
    "", "linalg.", "fft.", "emath.", "lib.stride_tricks.", "strings.", "char.",
    "lib.recfunctions.", "polynomial.polynomial.",
)  # fmt: skip
PLAIN_DATA = (bool, int, float, str, tuple[int, ...], tuple[int, int], np.dtype[Any])


class Row(NamedTuple):
    """One name of NumPy, its area, and its support for traced arrays."""

    area: str
    name: str
    status: str


def rows() -> list[Row]:
    """All names of NumPy that traced arrays may meet.

    >>> [row.status for row in rows() if row.name in ("numpy.argmax", "numpy.sum")]
    ['no derivative', 'differentiable']
    """
    table = [Row("function", name, status(f)) for f, name in functions().items()]
    for ufunc, name in ufuncs().items():
        table.append(Row("ufunc", name, status(ufunc)))
    for ufunc, name in ufuncs().items():
        for method in methods(ufunc):
            table.append(Row("ufunc method", f"{name}.{method}", status(ufunc)))
    return [*table, *(Row("ndarray", f"ndarray.{n}", attribute_status(n)) for n in attributes())]


def _named() -> Iterator[tuple[Any, str]]:
    for prefix in SPACES:
        path = f"numpy.{prefix}".rstrip(".")
        space = np.lib.scimath if path == "numpy.emath" else importlib.import_module(path)
        for name in sorted(dir(space)):
            if not name.startswith("_"):
                yield getattr(space, name), f"numpy.{prefix}{name}"


def functions() -> dict[Any, str]:
    """Functions that NumPy dispatches to traced arrays -> their names."""
    found: dict[Any, str] = {}
    for value, name in _named():
        if hasattr(value, "_implementation"):
            found.setdefault(value, name)
    return found


def ufuncs() -> dict[np.ufunc, str]:
    """NumPy's ufuncs -> their names."""
    found: dict[np.ufunc, str] = {}
    for value, name in _named():
        if isinstance(value, np.ufunc):
            found.setdefault(value, name)
    return found


def methods(ufunc: np.ufunc) -> tuple[str, ...]:
    """Methods of a ufunc."""
    if ufunc.signature is not None:
        return ()
    binary = tuple(METHODS) if ufunc.nin == 2 and ufunc.nout == 1 else ("outer",)
    return (*(binary if ufunc.nin == 2 else ()), *(("at",) if ufunc.nout == 1 else ()))


def attributes() -> list[str]:
    """Names of ndarray that a plain object lacks."""
    return [name for name in sorted(vars(np.ndarray)) if name not in vars(object)]


def status(function: Any) -> str:
    """Support of a function or ufunc for traced arrays."""
    override = overrides.get(function)
    if override is None:
        return REFUSED + why_refused(function)
    owner = getattr(override, "__self__", override)
    if isinstance(owner, Primitive):
        return _differentiable(owner.differentiable)
    return getattr(override, "status", DIFFERENTIABLE)


def _differentiable(yes: bool) -> str:
    return DIFFERENTIABLE if yes else NO_DERIVATIVE


def attribute_status(name: str) -> str:
    """Support of an attribute of ndarray for traced arrays."""
    if name in ABSENT:
        return REFUSED + ABSENT[name]
    found = getattr(ConcreteTracer, name, None)
    if found is None and name.startswith("__i"):  # x += y runs as x = x + y
        found = getattr(ConcreteTracer, f"__{name[3:]}", None)
    if found is None:
        return REFUSED + "a traced array does not have it"
    for kind in ConcreteTracer.__mro__:  # a subclass may support a part
        if hasattr(vars(kind).get(name), "refusal"):
            return REFUSED + vars(kind)[name].refusal
    if hasattr(found, "primitive"):
        return _differentiable(primitives[found.primitive].differentiable)
    if hasattr(found, "function") and found.function in overrides:
        return status(found.function)
    if name in vars(AbstractTracer):  # where it raises
        return EAGER_NO_DERIVATIVE
    function = found.fget if isinstance(found, property) else found
    plain = not callable(function) or function.__annotations__["return"] in PLAIN_DATA
    return _differentiable(not plain)


def table() -> str:
    """Table as text, with totals.

    >>> table().splitlines()[0].split()
    ['function', 'numpy.all', 'no', 'derivative']
    """
    lines = [f"{area:13} {name:44} {what}" for area, name, what in rows()]
    totals: Counter[tuple[str, str]] = Counter()
    for area, _, what in rows():
        totals[area, what.partition(":")[0]] += 1
    lines += ["", *(f"{n:5} {area}s: {what}" for (area, what), n in totals.items())]
    return "\n".join(lines)
