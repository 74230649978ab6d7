"""root and least_squares: SciPy's solvers on trees, with derived Jacobians."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.errors import UnsupportedError
from ...core.trace import Tracer
from ...ops.ravel import ravel_pytree
from ...ops.structure import cast
from ...transforms.arguments import check_callable
from ...transforms.jacobian import jacfwd
from ...transforms.jit.api import jit
from .adapter import FlatTree, compiled, concrete_values, in_float64, scipy_optimize
from .implicit import implicit


def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """Root of a function from trees to trees with equally many elements, by SciPy.

    Args:
        fun: ``fun(x, *args)`` returns a tree with as many elements as ``x0``.
        x0: initial tree of real floating arrays.
        args, method, tol, callback, options: see scipy.optimize.root.
        jac: None to derive it, or a function that returns the square matrix of flat trees.

    Returns:
        SciPy's OptimizeResult with ``x`` as a tree like ``x0``, and ``compiled``; see
        :func:`minimize`. If ``fun`` depends on traced values, ``x`` is differentiable in them.

    Raises:
        ImportError: without SciPy.

    >>> print(root(lambda x: x**2 - 2.0, 1.0).x.round(6))  # doctest: +SKIP
    1.414214
    """
    scipy = scipy_optimize("root")
    check_callable("root", fun)
    flat = FlatTree("root", x0)
    equations = flat.function(fun, tuple(args), lambda y: ravel_pytree(y)[0])
    options_: dict[str, Any] = {"method": method, "tol": tol, "options": options}
    if callback is not None:
        options_["callback"] = lambda v, f: callback(flat.unravel(v), f)
    results: list[Any] = []

    def solve(equations: Callable[[Any], Any], start: Any) -> Any:
        start = concrete_values("root", start)
        function, staged = compiled(equations, start)
        slopes = jit(jacfwd(equations)) if staged else jacfwd(equations)
        slopes = slopes if jac is None else flat.function(jac, tuple(args))
        found = scipy.root(in_float64(function), start, jac=in_float64(slopes), **options_)
        found["compiled"] = staged
        results.append(found)
        return cast(found.x, flat.dtype)

    value = equations(flat.start)
    if isinstance(value, Tracer):
        x = implicit("root", equations, flat.start, solve, lambda f: f, np.isfinite)
    else:
        x = solve(equations, flat.start)
    found = results[0]
    found.x = flat.unravel(x)
    return found


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Any = None,
    bounds: Any = None,
    *,
    args: Sequence[Any] = (),
    **options: Any,
) -> Any:
    """Minimum of a sum of squared residuals, functions of a tree of arrays, by SciPy.

    Args:
        fun: ``fun(x, *args)`` returns residuals, a tree of arrays.
        x0: initial tree of real floating arrays.
        jac: None to derive it, or a function that returns the matrix of flat trees.
        bounds: None, or a pair (low, high) of scalars or trees like ``x0``.
        args, **options: see scipy.optimize.least_squares.

    Returns:
        SciPy's OptimizeResult with ``x`` and ``grad`` as trees like ``x0``, and ``compiled``.

    Raises:
        ImportError: without SciPy.
        UnsupportedError: if ``fun`` depends on traced values; see :func:`minimize`.

    >>> fit = least_squares(lambda p: p["a"] - np.ones(2), {"a": 0.0})  # doctest: +SKIP
    >>> print(fit.x["a"].round(6))  # doctest: +SKIP
    1.0
    """
    scipy = scipy_optimize("least_squares")
    check_callable("least_squares", fun)
    flat = FlatTree("least_squares", x0)
    residuals = flat.function(fun, tuple(args), lambda y: ravel_pytree(y)[0])
    start = concrete_values("least_squares", flat.start)
    if isinstance(residuals(start), Tracer):
        raise UnsupportedError(
            "least_squares: the solution has no derivative in the traced values that the residuals "
            "depend on; minimize (residuals**2).sum()"
        )
    function, staged = compiled(residuals, start)
    slopes = flat.function(jac, tuple(args)) if jac is not None else jacfwd(residuals)
    slopes = jit(slopes) if staged and jac is None else slopes
    if bounds is not None:
        options["bounds"] = tuple(flat.filled(b) for b in bounds)
    found = scipy.least_squares(in_float64(function), start, in_float64(slopes), **options)
    found.x, found.grad = flat.unravel(found.x), flat.unravel(found.grad)
    found["compiled"] = staged
    return found
