"""The solution on a mesh as a differentiable function, by the implicit function theorem."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...control.implicit import custom_root
from ...control.solve import custom_linear_solve
from ...core.avals import dtype_of, shape_of
from ...core.trace import Tracer
from ...ops.stop_gradient import stop_gradient
from ...transforms.batching import vmap
from ...transforms.linear import linear_transpose
from .blocks import Blocks, factored, solved
from .collocation import System, residuals


def differentiable(system: System, x: Any, y: Any, p: Any) -> tuple[Any, Any]:
    """The known solution y and p, with derivatives in all that the system and x depend on."""

    def equations(z: Any) -> Any:
        at = residuals(system, x, *z)
        return _joined(at.inner, at.outer, shape_of(y))

    if not any(isinstance(part, Tracer) for part in (x, *equations((y, p)))):
        return y, p
    return custom_root(equations, (y, p), lambda _, z: z, _solved)  # type: ignore[no-any-return]


def _joined(inner: Any, outer: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Residuals of the equations in the shapes of y and p."""
    flat = np.concatenate([np.ravel(inner), outer])
    size = shape[0] * shape[1]
    return np.reshape(flat[:size], shape), flat[size:]


def _parted(z: Any) -> tuple[Any, Any]:
    """The inverse of ``_joined``."""
    n, m = shape_of(z[0])
    flat = np.concatenate([np.ravel(z[0]), z[1]])
    size = n * (m - 1)
    return np.reshape(flat[:size], (n, m - 1)), flat[size:]


def _solved(g: Callable[[Any], Any], b: Any) -> Any:
    """The solution v of g(v) = b, where g is the linear map of the equations."""
    (y, p), dtype = b, dtype_of(b[0])
    factors = factored(stop_gradient(_blocks(g, shape_of(y), shape_of(p), dtype)))

    def solve(_: Any, b: Any) -> Any:
        inner, outer = _parted(b)
        y, p = solved(factors, np.swapaxes(inner, 0, 1), outer)
        return np.swapaxes(y, 0, 1), p

    def transposed(_: Any, ct: Any) -> Any:
        return linear_transpose(lambda b: solve(None, b), ct)(ct)[0]

    return custom_linear_solve(g, b, solve, transposed)


def _blocks(
    g: Callable[[Any], Any], shape: tuple[int, ...], k: tuple[int, ...], dtype: Any
) -> Blocks:
    """The matrix of a linear map, of few products: an interval sees its two nodes alone.

    Neighbours differ in colour, and both ends have their own, since the conditions see both.
    """
    n, m = shape
    colour = np.arange(m) % 2
    colour[0], colour[-1] = 2, 3
    units = (
        np.eye(n, dtype=dtype)[None, :, :, None] * (colour == np.arange(4)[:, None])[:, None, None]
    )
    along_y = lambda v: _parted(g((v, np.zeros(k, dtype))))
    inner, outer = vmap(vmap(along_y))(units.astype(dtype))  # [4, n, n, m - 1], [4, n, n + k]
    places = np.arange(m - 1)
    left, right = (np.swapaxes(inner[c, :, :, places], 1, 2) for c in (colour[:-1], colour[1:]))
    if k[0]:
        along_p = lambda v: _parted(g((np.zeros(shape, dtype), v)))
        of_p, bound_p = vmap(along_p, out_axes=-1)(np.eye(k[0], dtype=dtype))
        of_p = np.swapaxes(of_p, 0, 1)
    else:
        of_p, bound_p = np.zeros((m - 1, n, 0), dtype), np.zeros((n, 0), dtype)
    first, last = (np.swapaxes(outer[c], 0, 1) for c in (2, 3))
    return Blocks(left, right, of_p, first, last, bound_p)
