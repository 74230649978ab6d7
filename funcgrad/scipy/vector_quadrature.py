"""quad_vec: adaptive quadrature of functions with arrays as values.

The rule and its error are those of ``quad``, with norms in place of absolute values.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import aval_of
from ..core.errors import ConcretizationError, ConversionError, UnsupportedError, shown
from ..core.lazy import answering
from ..core.trace import Tracer
from ..ops.operand import operand
from ..ops.stop_gradient import stop_gradient
from ..transforms.arguments import check_callable
from ..transforms.batching import vmap
from .adaptive_quadrature import _COARSE, _NODES, _WEIGHTS, _bound, _breaks, _on_unit_interval

_NORMS: dict[Any, Callable[[Any], Any]] = {
    "2": lambda x: np.sqrt(np.sum(np.abs(x) ** 2)),
    "max": lambda x: np.max(np.abs(x), initial=0.0),
}


@answering
def quad_vec(
    f: Callable[..., Any], a: Any, b: Any, epsabs: float = 1e-200, epsrel: float = 1e-8,
    norm: Any = "2", cache_size: float = 100e6, limit: int = 10_000, workers: int = 1,
    points: Sequence[float] | None = None, quadrature: str | None = None,
    full_output: bool = False, *, args: Sequence[Any] = (),
) -> tuple[Any, Any]:  # fmt: skip
    """Integral of a function with arrays as values, and an estimate of the norm of its error.

    Args:
        f: ``f(x, *args)`` of a scalar returns an array, real or complex.
        a, b: bounds, which may be infinite; the integral is differentiable in them.
        epsabs, epsrel: the error is at most max(epsabs, epsrel norm(integral)).
        norm: "2", "max", or a function.
        cache_size, workers: ignored, for compatibility with SciPy.
        limit: int, the maximal number of intervals.
        points: break points between finite bounds.
        quadrature, full_output: must be None or "gk21", and False.
        args: further arguments; the integral is differentiable in them, and in closures.

    Derivatives are those of the sum over the mesh of intervals, whose search needs known values.

    Raises:
        ConcretizationError: under jit and vmap.

    >>> print(quad_vec(lambda x: np.array([1.0, x, x * x]), 0.0, 3.0)[0].round(9))
    [3.  4.5 9. ]
    """
    check_callable("quad_vec", f)
    if full_output or quadrature not in (None, "gk21"):
        raise UnsupportedError(
            f"quad_vec: full_output must be False, quadrature None or 'gk21': got "
            f"{shown(full_output)} and {shown(quadrature)}"
        )
    args = tuple(args) if isinstance(args, (tuple, list)) else (args,)
    low, high = (_bound(x) for x in (a, b))
    integrand, sign = _on_unit_interval(lambda x: operand(f(x, *args)), low, high)
    size = norm if callable(norm) else _NORMS["max" if norm is None else norm]
    breaks = _breaks(points, low, high)
    mesh, total, error = _searched(integrand, breaks, epsabs, epsrel, limit, size)
    plain = not any(isinstance(x, Tracer) for x in (low, high, integrand(np.float64(0.375))))
    return sign * total if plain else sign * _summed(integrand, mesh), error


def _searched(
    f: Callable[[Any], Any], breaks: list[float], epsabs: float, epsrel: float, limit: int,
    norm: Callable[[Any], Any],
) -> tuple[list[tuple[float, float]], Any, float]:  # fmt: skip
    """The intervals, the integral and its error; the worst interval is halved in turn."""
    count = itertools.count()  # decides between equal errors
    heap: list[Any] = []

    def push(start: float, width: float) -> None:
        value, error = _measured(f, start, width, norm)
        heapq.heappush(heap, (-error, next(count), start, width, value))

    for start, end in itertools.pairwise(breaks):
        push(start, end - start)
    while True:
        total = sum(entry[-1] for entry in heap)
        error = -sum(entry[0] for entry in heap)
        if error <= max(epsabs, epsrel * norm(total)) or len(heap) >= limit or error != error:
            return [(start, width) for _, _, start, width, _ in heap], total, error
        _, _, start, width, _ = heapq.heappop(heap)
        push(start, width / 2)
        push(start + width / 2, width / 2)


def _measured(
    f: Callable[[Any], Any], start: float, width: float, norm: Callable[[Any], Any]
) -> tuple[Any, float]:
    """The integral over an interval, and the norm of its error."""
    values = np.array([_known(f(start + width * (1 + u) / 2)) for u in _NODES])
    half = width / 2
    fine, coarse = (half * np.tensordot(w, values, 1) for w in (_WEIGHTS, _COARSE))
    spread = norm(half * np.tensordot(_WEIGHTS, np.abs(values - fine / width), 1))
    error = norm(fine - coarse)
    if spread and error:
        error = spread * min(1.0, (200 * error / spread) ** 1.5)
    least = norm(50 * np.finfo(float).eps * half * np.tensordot(_WEIGHTS, np.abs(values), 1))
    return fine, float(max(error, least))


def _known(x: Any) -> Any:
    x = stop_gradient(x)
    if isinstance(x, Tracer):
        raise ConcretizationError(
            f"quad_vec: the mesh depends on values: got {aval_of(x)} traced; under jit and vmap "
            f"use quad or fixed_quad"
        )
    return x


def _summed(f: Callable[[Any], Any], mesh: list[tuple[float, float]]) -> Any:
    """The sum over the mesh, which derivatives follow."""
    starts, widths = (np.array(x)[:, None] for x in zip(*mesh, strict=True))
    u = np.ravel(starts + widths * (1 + _NODES) / 2)
    try:
        values = vmap(f)(u)
    except (ConcretizationError, ConversionError):  # it branches on values
        values = np.stack([f(x) for x in u])
    return np.tensordot(np.ravel(widths / 2 * _WEIGHTS), values, 1)
