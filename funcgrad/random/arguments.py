"""Checks of arguments: shapes, dtypes, and ranges of parameters."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.avals import Shape, aval_of, broadcast_shapes, dtype_of, shape_of
from ..core.errors import DtypeError, FuncgradError, ShapeError, shown
from ..core.trace import ConcreteTracer, Tracer
from ..ops.operand import asarray, integer_tuple, operand
from ..ops.structure import cast

ShapeLike: TypeAlias = int | Sequence[int]

UNSIGNED: dict[int, np.dtype[Any]] = {n: np.dtype(f"u{n}") for n in (1, 2, 4, 8)}


class RangeError(FuncgradError, ValueError):
    """An argument is out of range.

    >>> from funcgrad import random
    >>> random.bernoulli(random.key(0), 1.5)
    Traceback (most recent call last):
    funcgrad.random.arguments.RangeError: random.bernoulli: p must be in [0, 1]: got 1.5; ...

    The fix is a value in the range; the probability of logits is ``special.expit(logits)``.
    """


def as_shape(who: str, shape: Any) -> Shape:
    """Shape as a tuple, from a sequence or a single length."""
    entries = shape if isinstance(shape, tuple | list) else (shape,)
    try:
        lengths = integer_tuple(shape)
        whole = not any(isinstance(n, bool) for n in entries)
    except TypeError:
        whole = False
    if not whole:
        raise DtypeError(
            f"{who}: a shape must be made of integers: got {shown(shape)}; write (3,), or ()"
        )
    if any(n < 0 for n in lengths):
        raise ShapeError(
            f"{who}: lengths must be nonnegative: got the shape {shown(shape)}; write (3,)"
        )
    return lengths


def known(x: Any) -> np.ndarray | None:
    """Concrete value of an array, None where it is unknown."""
    while isinstance(x, ConcreteTracer):
        x = x.value
    return None if isinstance(x, Tracer) else asarray(x)


def floating(who: str, dtype: Any) -> np.dtype:
    dtype = np.dtype(np.float32 if dtype is None else dtype)
    if dtype.kind != "f" or dtype.itemsize not in UNSIGNED:
        raise DtypeError(
            f"{who}: the dtype must be float16, float32 or float64: got {dtype}"
            + ("; see randint" if dtype.kind in "iu" else "")
        )
    return dtype


def check_mode(who: str, mode: str | None) -> str:
    mode = "low" if mode is None else mode
    if mode not in ("low", "high"):
        raise RangeError(f"{who}: mode must be 'low' or 'high': got {mode!r}")
    return mode


def check_order(who: str, low: str, x: Any, high: str, y: Any) -> None:
    a, b = known(x), known(y)
    if a is not None and b is not None and np.any(a > b):
        raise RangeError(f"{who}: {low} must not exceed {high}: got {a} and {b}; exchange them")


def check_span(who: str, low: str, x: Any, high: str, y: Any) -> None:
    a, b = known(x), known(y)
    if a is None or b is None:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.all(np.isfinite(b - a))
    if not finite:
        raise RangeError(
            f"{who}: {high} - {low} must be finite in {a.dtype}: got {a}, {b}; pass a wider dtype"
        )


RANGES: dict[str, Callable[[np.ndarray], Any]] = {
    "positive": lambda x: x > 0,
    "nonnegative": lambda x: x >= 0,
    "in [0, 1]": lambda x: (x >= 0) & (x <= 1),
    "in (0, 1]": lambda x: (x > 0) & (x <= 1),
    "a nonnegative integer": lambda x: (x >= 0) & (np.floor(x) == x),
}


def parameter(who: str, name: str, x: Any, dtype: np.dtype, what: str | None = None) -> Any:
    """Real parameter of a distribution in its dtype, checked where it is known."""
    x = operand(x)
    if dtype_of(x).kind not in "fiub":
        raise DtypeError(f"{who}: {name} must be real: got {aval_of(x)}")
    value = known(x)
    if what is not None and value is not None and not np.all(RANGES[what](value)):
        raise RangeError(f"{who}: {name} must be {what}: got {value}")
    return cast(x, dtype)


def at_least_one_axis(who: str, name: str, x: Any) -> Any:
    if not shape_of(x):
        raise ShapeError(
            f"{who}: {name} must have at least one axis: got {aval_of(x)}; give a vector"
        )
    return x


def common_shape(who: str, shape: ShapeLike | None, **params: Any) -> Shape:
    """``shape`` as a tuple, by default the broadcast shape of the parameters."""
    if shape is not None:
        shape = as_shape(who, shape)
        check_broadcast(who, shape, **params)
        return shape
    try:
        return broadcast_shapes(*map(shape_of, params.values()))
    except ValueError:
        listed = " and ".join(f"{name} {aval_of(x)}" for name, x in params.items())
        raise ShapeError(f"{who}: the parameters do not broadcast: got {listed}") from None


def check_broadcast(who: str, shape: Shape, **params: Any) -> None:
    for name, x in params.items():
        if not broadcasts_to(shape_of(x), shape):
            raise ShapeError(
                f"{who}: {name} must broadcast to the result: got {aval_of(x)} for the shape "
                f"{shape}; pass the full shape, batch axes first"
            )


def broadcasts_to(shape: Shape, whole: Shape) -> bool:
    """Whether an array of the first shape broadcasts to the second."""
    try:
        return broadcast_shapes(shape, whole) == whole
    except ValueError:
        return False
