"""Abstract values: the shape, dtype and weak type of an array, without its elements."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .errors import UnsupportedError
from .registry import load

Shape: TypeAlias = tuple[int, ...]
Axes: TypeAlias = tuple[int, ...]

# Python scalars are weakly typed: in an operation with an array they take its dtype (NEP 50)
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
        return math.prod(self.shape)

    def __repr__(self) -> str:
        return f"{dtype_name(self.dtype)}[{','.join(map(str, self.shape))}]"


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Short name: ``f32``, ``i64``, ``c128``, ``bool``."""
    if dtype.kind in "fciu":
        return f"{dtype.kind}{8 * dtype.itemsize}"
    return str(dtype)


def aval_of(x: Any) -> Aval:
    """Aval of an array, a tracer or a scalar; an aval is its own."""
    kind = type(x)
    if kind is np.ndarray:
        return Aval(x.shape, x.dtype)
    if kind is Aval:
        return x
    if kind in PYTHON_SCALARS:
        return Aval((), np.dtype(kind), weak=True)
    aval = getattr(x, "aval", None)
    if type(aval) is Aval:  # arrays of other libraries may have an attribute of this name
        return aval
    check_operand(x)
    array = np.asarray(x)
    return Aval(array.shape, array.dtype)


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Broadcast shapes, as numpy.broadcast_shapes, which is limited to 32 axes.

    Raises:
        ValueError: if the shapes do not broadcast.

    >>> broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    result = shapes[0] if shapes else ()
    for place, shape in enumerate(shapes):
        if shape == result:
            continue
        missing = len(result) - len(shape)
        one = (1,) * -missing + tuple(result)
        other = (1,) * missing + tuple(shape)
        if any(m != n and m != 1 and n != 1 for m, n in zip(one, other, strict=True)):
            raise ValueError(
                f"shape mismatch: objects cannot be broadcast to a single shape: argument {place} "
                f"has shape {tuple(shape)}, the arguments before it {tuple(result)}"
            )
        result = tuple(n if m == 1 else m for m, n in zip(one, other, strict=True))
    return tuple(result)


def shape_of(x: Any) -> Shape:
    """Shape of ``x``; an aval is built only where ``x`` has no attribute ``shape``."""
    try:
        return x.shape
    except AttributeError:
        return aval_of(x).shape


def dtype_of(x: Any) -> np.dtype[Any]:
    """Dtype of ``x``; of a Python scalar NumPy's default for its type."""
    try:
        return x.dtype
    except AttributeError:
        return aval_of(x).dtype


def is_inexact(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype is real or complex floating: only these have derivatives."""
    return dtype.kind in "fc"


def real_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the real part."""
    return np.zeros((), dtype).real.dtype


def accumulation_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Dtype in which sums, counts and norms of elements of a dtype accumulate.

    float32 for half precision, whose largest value is 65504; float64 for integers.
    """
    if dtype.kind in "biu":
        return np.dtype(np.float64)
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def is_arraylike(x: Any) -> bool:
    """Whether ``x`` is an array, a tracer, a NumPy scalar or a Python scalar.

    Raises:
        UnsupportedError: for arrays that :func:`check_operand` refuses, and for arrays of other
            libraries: a transform would treat one as static, and lose its derivative.
    """
    if isinstance(x, np.ndarray):
        check_operand(x)
        return True
    if isinstance(x, np.generic) or type(x) in PYTHON_SCALARS:
        return True
    if type(getattr(x, "aval", None)) is Aval:
        return True
    if is_foreign(x):
        raise UnsupportedError(f"operand: {load('funcgrad.peers.arrays').refusal(x)}")
    return False


def is_foreign(x: Any) -> bool:
    """Whether ``x``, which is no array of NumPy, is one of another library."""
    return hasattr(type(x), "__array__") and not isinstance(x, (type, np.ndarray, np.generic))


def check_operand(x: Any) -> None:
    """Raise for arrays of objects, and for subclasses that override arithmetic.

    Every function of arrays calls it, most through :func:`is_arraylike` or :func:`aval_of`:
    otherwise a mask or a unit would be lost silently.
    """
    if not isinstance(x, np.ndarray):
        return
    if type(x) is not np.ndarray:
        check_class(x)
    if x.dtype.hasobject:
        raise UnsupportedError(
            f"operand: an array of Python objects has no derivative: got object{list(x.shape)}; "
            f"write numpy.asarray(x, float)"
        )


def check_class(x: Any) -> None:
    """Raise for subclasses of ndarray that override arithmetic."""
    kind = type(x)
    if isinstance(x, np.ndarray) and _has_own_rules(kind):
        cure = "x.filled(0) and a mask" if isinstance(x, np.ma.MaskedArray) else "numpy.asarray(x)"
        raise UnsupportedError(
            f"{kind.__name__}: traced code does not follow its rules: got an array of shape "
            f"{x.shape}; write {cure}"
        )


def _has_own_rules(kind: type[np.ndarray[Any, Any]]) -> bool:
    """Whether a subclass of ndarray overrides addition or multiplication."""
    plain = np.ndarray
    return (
        kind.__array_ufunc__ is not plain.__array_ufunc__
        or kind.__mul__ is not plain.__mul__
        or kind.__add__ is not plain.__add__
    )
