"""Abstract values: what is known of an array before it has numbers."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Shape: TypeAlias = tuple[int, ...]
Axes: TypeAlias = tuple[int, ...]

# Python's own numbers are weak: beside an array they take the array's dtype (NEP 50)
PYTHON_SCALARS = frozenset({bool, int, float, complex})


@dataclass(frozen=True, slots=True)
class Aval:
    """A shape, a dtype, and whether the value came from a Python scalar.

    >>> Aval((3, 4), np.dtype("float32"))
    f32[3,4]
    """

    shape: Shape
    dtype: np.dtype[Any]
    weak: bool = False

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size

    def __repr__(self) -> str:
        return f"{dtype_name(self.dtype)}[{','.join(map(str, self.shape))}]"


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return the short name: ``f32``, ``i64``, ``c128``, ``bool``."""
    if dtype.kind in "fciu":
        return f"{dtype.kind}{8 * dtype.itemsize}"
    return str(dtype)


def aval_of(x: Any) -> Aval:
    """Return what is known of ``x``: an array, a tracer, a number, or an aval itself."""
    kind = type(x)
    if kind is np.ndarray:
        return Aval(x.shape, x.dtype)
    if kind is Aval:
        return x
    if kind in PYTHON_SCALARS:
        return Aval((), np.dtype(kind), weak=True)
    aval = getattr(x, "aval", None)
    if aval is not None:
        return aval
    array = np.asarray(x)
    return Aval(array.shape, array.dtype)


def shape_of(x: Any) -> Shape:
    """Return the shape of ``x`` without building an aval where it has one of its own."""
    try:
        return x.shape
    except AttributeError:
        return aval_of(x).shape


def dtype_of(x: Any) -> np.dtype[Any]:
    """Return the dtype of ``x``; a Python scalar's is the one NumPy would give it."""
    try:
        return x.dtype
    except AttributeError:
        return aval_of(x).dtype


def is_inexact(dtype: np.dtype[Any]) -> bool:
    """Return whether the dtype is real or complex floating: whether it has derivatives."""
    return dtype.kind in "fc"


def is_arraylike(x: Any) -> bool:
    """Return whether ``x`` is an array, a tracer, a NumPy scalar or a number."""
    return (
        isinstance(x, (np.ndarray, np.generic)) or type(x) in PYTHON_SCALARS or hasattr(x, "aval")
    )
