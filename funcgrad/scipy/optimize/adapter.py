"""Functions of trees as functions of float64 vectors, which SciPy's solvers need."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import tree
from ...core.avals import aval_of, dtype_of, is_arraylike, shape_of
from ...core.errors import ConversionError, DtypeError, ShapeError, UnsupportedError
from ...core.trace import Tracer
from ...ops.operand import operand
from ...ops.ravel import ravel_pytree
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ...transforms.jit.api import jit
from ...transforms.untraced import owning
from ..initial import initial


def as_tuple(args: Any) -> tuple[Any, ...]:
    """Further arguments of a function: one that is no tuple stands for itself, as in SciPy."""
    return tuple(args) if isinstance(args, (tuple, list)) else (args,)


class FlatTree:
    """Conversion between trees like ``x0`` and vectors."""

    def __init__(self, who: str, x0: Any) -> None:
        x0 = initial(x0)
        for path, x in tree.leaves_with_path(x0):
            if not is_arraylike(x) or dtype_of(x).kind != "f":
                got = aval_of(x) if is_arraylike(x) else type(x).__name__
                raise DtypeError(
                    f"{who}: x0{tree.keystr(path)} must be real numbers: got {got}; write x0.real, "
                    f"or take the real and the imaginary part as two arrays"
                )
        self.who, self.like = who, x0
        self.start, self.unravel = ravel_pytree(x0)
        (self.size,) = shape_of(self.start)
        self.dtype = dtype_of(self.start)

    def ravel(self, value: Any) -> Any:
        leaves = tree.flatten_up_to(tree.structure(self.like), value, self.who)
        return ravel_pytree(leaves)[0]

    def function(
        self, fun: Callable[..., Any], args: tuple, shaped: Callable[[Any], Any] = lambda y: y
    ) -> Callable[[Any], Any]:
        """Function of a tree and further arguments as a function of a vector."""
        call = owning(fun)
        return lambda v: shaped(call(self.unravel(v), *args))

    def filled(self, bound: Any) -> Any:
        """Bound, a scalar or a tree that broadcasts to ``x0``, as a vector that may be traced."""
        if isinstance(bound, (list, tuple)) and is_arraylike(self.like):
            bound = np.stack([cast(operand(x), np.float64) for x in bound])
        if is_arraylike(bound) and shape_of(bound) in ((), (self.size,)):
            return np.broadcast_to(cast(operand(bound), np.float64), (self.size,))
        full = tree.broadcast(bound, self.like, who=self.who)
        spread = lambda b, x: np.broadcast_to(cast(operand(b), np.float64), shape_of(x))
        return self.ravel(tree.map(spread, full, self.like))

    def bounds(self, bounds: Any) -> tuple[Any, Any]:
        """Lower and upper bounds of all elements."""
        if bounds is None:
            return np.full(self.size, -np.inf), np.full(self.size, np.inf)
        if hasattr(bounds, "lb"):
            return self.filled(bounds.lb), self.filled(bounds.ub)
        if isinstance(bounds, tuple) and len(bounds) == 2 and not is_arraylike(self.like):
            return self.filled(bounds[0]), self.filled(bounds[1])
        pairs = list(bounds)
        if len(pairs) != self.size:
            raise ShapeError(
                f"{self.who}: bounds must be one pair for each of {self.size} elements: "
                f"got {len(pairs)}; write [(low, high)] * {self.size}"
            )
        low = [-np.inf if a is None else a for a, _ in pairs]
        high = [np.inf if b is None else b for _, b in pairs]
        stacked = lambda side: np.stack([cast(operand(x), np.float64) for x in side])
        return stacked(low), stacked(high)


def scipy_optimize(who: str) -> Any:
    try:
        import scipy.optimize
    except ImportError:
        raise ImportError(f"{who}: SciPy is not installed; pip install 'funcgrad[scipy]'") from None
    return scipy.optimize


def plain(x: Any) -> np.ndarray:
    """The values of an array without derivatives."""
    return concrete_values("scipy.optimize", stop_gradient(x))


def concrete_values(who: str, x: Any) -> np.ndarray:
    if isinstance(x, Tracer):
        raise UnsupportedError(
            f"{who}: SciPy needs concrete values: got the traced {aval_of(x)}; call it outside of "
            f"jit and vmap"
        )
    return np.asarray(x, np.float64)


def compiled(fun: Callable[[Any], Any], example: Any) -> tuple[Callable[[Any], Any], bool]:
    """Compiled function and True, or the function itself and False if it cannot be traced."""
    quick = jit(fun)
    try:
        quick(example)
    except (ConversionError, UnsupportedError):
        return fun, False
    return quick, True


def in_float64(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Function with its results in float64."""
    return lambda *xs: tree.map(lambda y: concrete_values("scipy.optimize", y), fun(*xs))
