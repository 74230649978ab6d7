"""curve_fit, and assignments."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...core.trace import is_concrete
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ...transforms.arguments import check_callable
from ...transforms.jacobian import jacfwd
from ..floating import as_floating
from .adapter import concrete_values, scipy_optimize
from .roots import least_squares


@answering
def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool = True,
    bounds: Any = None,
    method: str | None = None,
    jac: Any = None,
    **options: Any,
) -> tuple[Any, Any]:
    """Parameters of a function by least squares, and their covariance, both differentiable.

    Args:
        f: ``f(xdata, *parameters)`` returns an array like ``ydata``.
        xdata, ydata: arrays; parameters and covariance are differentiable in them.
        p0: the first parameters, shape [k]; by default ones, or a point within the bounds.
        sigma: standard deviations of ``ydata``, shape [M], or their covariance, [M, M].
        absolute_sigma: whether the covariance is that of ``sigma``, or scaled by the residuals.
        bounds: a pair (low, high) of scalars or vectors [k].
        method, **options: see scipy.optimize.least_squares; ``jac`` is derived.
        check_finite: whether to refuse nan and inf in ``ydata``.

    Raises:
        ImportError: without SciPy.
        ValueError: if ``ydata`` is not finite, or the number of parameters is not known.

    >>> line = lambda x, a, b: a * x + b
    >>> found, _ = curve_fit(line, np.arange(3.0), np.array([1.0, 3.0, 5.0]))  # doctest: +SKIP
    >>> print(found.round(6))  # doctest: +SKIP
    [2. 1.]
    """
    check_callable("curve_fit", f)
    ydata = np.reshape(as_floating(ydata), (-1,))
    if check_finite and is_concrete(ydata) and not np.all(np.isfinite(stop_gradient(ydata))):
        raise ValueError(
            "curve_fit: ydata must be finite: got nan or inf; drop nan by np.isfinite first"
        )
    xdata = as_floating(xdata) if isinstance(xdata, (list, tuple)) else xdata
    start = _first(f, p0, bounds)
    whiten = _whitening(sigma, shape_of(ydata)[0])
    fewer = shape_of(ydata)[0] < shape_of(start)[0]
    method = method or ("trf" if fewer or bounds is not None else "lm")

    def residuals(p: Any) -> Any:
        values = np.reshape(operand(f(xdata, *p)), (-1,))
        return whiten(values - ydata)

    found = least_squares(residuals, start, bounds=bounds, method=method, **options)
    slopes = jacfwd(residuals)(found.x)
    covariance = np.linalg.inv(slopes.T @ slopes)
    left = shape_of(ydata)[0] - shape_of(start)[0]
    if not absolute_sigma:
        scale = np.sum(residuals(found.x) ** 2) / left if left > 0 else np.inf
        covariance = covariance * scale
    return found.x, covariance


def _first(f: Callable[..., Any], p0: Any, bounds: Any) -> Any:
    if p0 is not None:
        return np.reshape(as_floating(p0), (-1,))
    sides = () if bounds is None else _sides(bounds)
    kinds = [p.kind for p in inspect.signature(f).parameters.values()]
    count = sum(k in (0, 1) for k in kinds) - 1  # positional ones, but for xdata
    if count < 1 or 2 in kinds:
        sizes = [math.prod(shape_of(side)) for side in sides if shape_of(side)]
        if not sizes:
            raise ValueError("curve_fit: the number of parameters is not known: got *args; give p0")
        count = sizes[0]
    return _within(count, *sides) if sides else np.ones(count)


def _sides(bounds: Any) -> tuple[Any, Any]:
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    return as_floating(low), as_floating(high)


def _within(count: int, low: Any, high: Any) -> Any:
    """The middle of the bounds; a point at distance 1 from a single bound; 1 without bounds."""
    low, high = np.broadcast_to(low, (count,)), np.broadcast_to(high, (count,))
    has_low, has_high = np.isfinite(low), np.isfinite(high)
    middle = 0.5 * (np.where(has_low, low, 0) + np.where(has_high, high, 0))
    one = np.where(has_low, low + 1, np.where(has_high, high - 1, 1.0))
    return np.where(has_low & has_high, middle, one)


def _whitening(sigma: Any, size: int) -> Callable[[Any], Any]:
    """The map from residuals to such of variance 1."""
    if sigma is None:
        return lambda r: r
    sigma = as_floating(sigma)
    if shape_of(sigma) in ((), (size,)):
        return lambda r: r / sigma
    if shape_of(sigma) != (size, size):
        raise ShapeError(
            f"curve_fit: sigma must be a vector or a matrix of {size} data: got {aval_of(sigma)}"
            "; give one sigma for each datum"
        )
    factor = np.linalg.cholesky(sigma)
    return lambda r: np.linalg.solve(factor, r)


@answering
def linear_sum_assignment(cost_matrix: Any, maximize: bool = False) -> tuple[Any, Any]:
    """The assignment of rows to columns with the lowest sum, a constant in every derivative.

    Args:
        cost_matrix: [rows, columns]; ``cost_matrix[rows, columns].sum()`` is differentiable.
        maximize: whether to find the highest sum.

    Raises:
        ImportError: without SciPy.
        UnsupportedError: under jit or vmap.

    >>> linear_sum_assignment(np.array([[4.0, 1.0], [2.0, 9.0]]))  # doctest: +SKIP
    (array([0, 1]), array([1, 0]))
    """
    scipy = scipy_optimize("linear_sum_assignment")
    cost = concrete_values("linear_sum_assignment", stop_gradient(operand(cost_matrix)))
    return scipy.linear_sum_assignment(cost, maximize)  # type: ignore[no-any-return]
