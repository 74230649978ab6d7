"""JAX's rules of promotion: an integer takes the floating dtype of the other operand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.avals import aval_of
from ...core.trace import Tracer
from ...ops.structure import cast
from .config import canonicalize_dtype, default_dtype

_ORDER = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
_KINDS = "bifc"
# ufuncs that give a floating result for integers
_INEXACT = frozenset({
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "cos",
    "cosh", "deg2rad", "degrees", "divide", "exp", "exp2", "expm1", "fabs", "float_power", "hypot",
    "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "rad2deg", "radians",
    "reciprocal", "sin", "sinh", "sqrt", "tan", "tanh", "true_divide",
})  # fmt: skip
_OF_INTEGERS = frozenset({"ldexp", "left_shift", "right_shift", "isfinite", "isinf", "isnan"})


def promoted(ufunc: Any, operands: Sequence[Any], weak: Sequence[bool] = ()) -> list[Any]:
    """Operands of a ufunc in their common dtype; Python scalars stay as they are.

    Args:
        weak: which operands are arrays whose dtype gives way to that of others.
    """
    name = ufunc.__name__
    if name in _OF_INTEGERS:
        return list(operands)
    operands = [x if is_operand(x) else np.asarray(x) for x in operands]
    operands = [_narrow(x) for x in operands]
    return _in_common(operands, name in _INEXACT, weak)


def alike(operands: Sequence[Any], weak: Sequence[bool] = ()) -> list[Any]:
    """Arrays and scalars in their common dtype."""
    operands = [_narrow(x if is_operand(x) else np.asarray(x)) for x in operands]
    return _in_common(operands, False, weak)


def is_operand(x: Any) -> bool:
    return isinstance(x, (Tracer, np.ndarray, np.generic, bool, int, float, complex))


def _narrow(x: Any) -> Any:
    if isinstance(x, np.ndarray) and x.dtype.kind in "iufc":
        narrow = canonicalize_dtype(x.dtype)
        return x if x.dtype == narrow else x.astype(narrow)
    return x


def kind_of(x: Any) -> tuple[np.dtype[Any] | None, int]:
    """The dtype of a strong operand, or None; and the rank of its kind."""
    if type(x) in (bool, int, float, complex):
        return None, {bool: 0, int: 1, float: 2, complex: 3}[type(x)]
    aval = aval_of(x)
    if aval.weak:
        return None, _ORDER[aval.dtype.kind]
    return aval.dtype, _ORDER.get(aval.dtype.kind, -1)


def common_dtype(operands: Sequence[Any], weak_: Sequence[bool] = ()) -> np.dtype[Any] | None:
    """The dtype of the result; None of Python scalars alone."""
    pairs = [kind_of(x) for x in operands]
    given = weak_ or [False] * len(pairs)
    apart = [(None if gives else d, n) for (d, n), gives in zip(pairs, given, strict=True)]
    if any(dtype is not None for dtype, _ in apart):
        pairs = apart  # else weak arrays have the dtype of their own
    strong = [dtype for dtype, _ in pairs if dtype is not None]
    if not strong or any(rank < 0 for _, rank in pairs):
        return None
    dtype = promote(strong)
    weak = max([rank for kind, rank in pairs if kind is None], default=0)
    if weak <= _ORDER[dtype.kind]:
        return dtype
    if weak == 3 and dtype.kind == "f":
        return np.result_type(dtype, np.complex64)
    return default_dtype(_KINDS[weak])


def promote(dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """The common dtype of strong operands: integers do not widen floating dtypes."""
    inexact = [d for d in dtypes if d.kind in "fc"]
    return canonicalize_dtype(np.result_type(*(inexact or dtypes)))


def _in_common(operands: list[Any], inexact: bool, weak: Sequence[bool]) -> list[Any]:
    dtype = common_dtype(operands, weak)
    if dtype is None:
        return operands
    if inexact and dtype.kind in "biu":
        dtype = default_dtype("f")
    return [_cast(x, dtype) for x in operands]


def _cast(x: Any, dtype: np.dtype[Any]) -> Any:
    if type(x) in (bool, int, float, complex) or dtype.kind == "b":
        return x
    if isinstance(x, Tracer):
        aval = aval_of(x)
        return x if aval.weak or aval.dtype == dtype else cast(x, dtype)
    return x if x.dtype == dtype else x.astype(dtype)
