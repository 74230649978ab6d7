"""root and least_squares: SciPy's solvers on trees, with derived Jacobians."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import shape_of
from ...core.errors import ShapeError, UnsupportedError, shown
from ...core.lazy import answering
from ...core.trace import Tracer
from ...ops.ravel import ravel_pytree
from ...ops.structure import cast
from ...transforms.arguments import check_callable
from ...transforms.jacobian import jacfwd
from ...transforms.jit.api import jit
from .adapter import (
    FlatTree,
    as_tuple,
    compiled,
    concrete_values,
    in_float64,
    plain,
    scipy_optimize,
)
from .implicit import implicit
from .kkt import Conditions, optimum

_BY_JACOBIAN = ("hybr", "lm")  # others of SciPy's methods warn of one


@answering
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
        x0: initial tree of real arrays; a list or tuple of scalars is an array.
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
    equations = flat.function(fun, as_tuple(args), lambda y: ravel_pytree(y)[0])
    options_: dict[str, Any] = {"method": method, "tol": tol, "options": options}
    if callback is not None:
        options_["callback"] = lambda v, f: callback(flat.unravel(v), f)
    results: list[Any] = []

    def solve(equations: Callable[[Any], Any], start: Any) -> Any:
        start = concrete_values("root", start)
        function, staged = compiled(equations, start)
        slopes = jit(jacfwd(equations)) if staged else jacfwd(equations)
        slopes = slopes if jac is None else flat.function(jac, as_tuple(args))
        given = {"jac": in_float64(slopes)} if method in _BY_JACOBIAN else {}
        found = scipy.root(in_float64(function), start, **given, **options_)
        found["compiled"] = staged
        results.append(found)
        return cast(found.x, flat.dtype)

    value = _as_many(equations(flat.start), flat.size)
    if isinstance(value, Tracer):
        x = implicit("root", equations, flat.start, solve, lambda f: f, np.isfinite)
    else:
        x = solve(equations, flat.start)
    found = results[0]
    found.x = flat.unravel(x)
    return found


def _as_many(value: Any, size: int) -> Any:
    if shape_of(value) != (size,):
        raise ShapeError(
            f"root: fun must return as many elements as x0 has, {size}: got {shape_of(value)[0]}; "
            f"for others use least_squares"
        )
    return value


@answering
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
        x0: initial tree of real arrays; a list or tuple of scalars is an array.
        jac: None to derive it, or a function that returns the matrix of flat trees.
        bounds: None, or a pair (low, high) of scalars or trees like ``x0``.
        args, **options: see scipy.optimize.least_squares.

    Returns:
        SciPy's OptimizeResult with ``x`` and ``grad`` as trees like ``x0``, and ``compiled``.

        If residuals or bounds depend on traced values, ``x``, ``cost`` and ``fun`` are
        differentiable in them, with the active bounds held.

    Raises:
        ImportError: without SciPy.
        UnsupportedError: under jit or vmap; or for a traced problem with a ``loss`` of one's own.

    >>> fit = least_squares(lambda p: p["a"] - np.ones(2), {"a": 0.0})  # doctest: +SKIP
    >>> print(fit.x["a"].round(6))  # doctest: +SKIP
    1.0
    """
    scipy = scipy_optimize("least_squares")
    check_callable("least_squares", fun)
    flat = FlatTree("least_squares", x0)
    residuals = flat.function(fun, as_tuple(args), lambda y: ravel_pytree(y)[0])
    low, high = flat.bounds(None if bounds is None else _pair(bounds))
    if not any(isinstance(x, Tracer) for x in (residuals(flat.start), flat.start, low, high)):
        if bounds is not None:
            options["bounds"] = (low, high)
        slopes = None if jac is None else flat.function(jac, as_tuple(args))
        return _fitted(scipy, flat, residuals, flat.start, slopes, options)
    results: list[Any] = []
    cost = costs(options.get("loss", "linear"), options.get("f_scale", 1.0))

    def problem(v: Any) -> Conditions:
        rows = (v, low, high) if bounds is not None else (v[:0],) * 3
        values = residuals(v)
        v, least, most = (cast(x, flat.dtype) for x in rows)
        return Conditions(cost(values), v, least, most, values)

    def solve(problem: Callable[[Any], Any], start: Any) -> Any:
        if bounds is not None:
            options["bounds"] = tuple(map(plain, problem(start)[2:4]))
        found = _fitted(scipy, flat, lambda v: problem(v).residuals, start, None, options)
        results.append(found)
        return flat.ravel(found.x)

    x = optimum(problem, flat.start, solve)
    found = results[0]
    found.x, found.fun = flat.unravel(x), residuals(x)
    found.cost = cost(found.fun)
    return found


def _pair(bounds: Any) -> Any:
    """The bounds of least squares: SciPy's object, or a pair of which each is a bound of all."""
    if hasattr(bounds, "lb"):
        return bounds
    if len(bounds) != 2:
        raise ValueError(
            f"least_squares: bounds must be a pair (lower, upper): got {shown(bounds)}; write "
            f"({', '.join(str([b[i] for b in bounds]) for i in (0, 1))})"
            if all(np.shape(b) == (2,) for b in bounds)
            else f"least_squares: bounds must be a pair (lower, upper): got {shown(bounds)}; write "
            f"(-np.inf, np.inf)"
        )
    return _Bounds(*bounds)


class _Bounds(NamedTuple):
    lb: Any
    ub: Any


def _fitted(
    scipy: Any, flat: FlatTree, residuals: Any, start: Any, slopes: Any, options: dict[str, Any]
) -> Any:
    """SciPy's result, with trees."""
    start = concrete_values("least_squares", start)
    function, staged = compiled(residuals, start)
    if slopes is None:
        slopes = jit(jacfwd(residuals)) if staged else jacfwd(residuals)
    found = scipy.least_squares(in_float64(function), start, in_float64(slopes), **options)
    found.x, found.grad = flat.unravel(found.x), flat.unravel(found.grad)
    found["compiled"] = staged
    return found


def costs(loss: Any, scale: float) -> Callable[[Any], Any]:
    """The cost of residuals by a loss of SciPy."""
    losses: dict[str, Callable[[Any], Any]] = {
        "linear": lambda z: z,
        "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
        "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(np.where(z <= 1, 1.0, z)) - 1),
        "cauchy": np.log1p,
        "arctan": np.arctan,
    }
    if loss not in losses:
        raise UnsupportedError(
            f"least_squares: a traced problem takes a loss by its name: got {shown(loss)}; use one "
            f"of {', '.join(losses)}"
        )
    return lambda r: np.sum(losses[loss]((r / scale) ** 2)) * (scale**2 / 2)


@answering
def fsolve(
    func: Callable[..., Any], x0: Any, args: Any = (), fprime: Any = None,
    full_output: bool = False, xtol: float = 1.49012e-8, maxfev: int = 0,
) -> Any:  # fmt: skip
    """Root of ``func(x, *args)`` as :func:`root` finds it, by SciPy's older interface.

    Args:
        func: returns an array, or a list, with as many elements as ``x0``.
        x0: initial tree of real arrays; a list or tuple of scalars is an array.
        args: a tuple of further arguments, or one alone.
        fprime: None to derive the Jacobian, or a function that returns it.
        full_output: whether to return ``(x, infodict, ier, mesg)``, as SciPy.
        xtol, maxfev: see scipy.optimize.fsolve.

    A root that is not found gives a RuntimeWarning.

    >>> print(fsolve(lambda x: x**2 - 2.0, [1.0]).round(6))  # doctest: +SKIP
    [1.414214]
    """
    found = root(func, x0, args, jac=fprime, options={"xtol": xtol, "maxfev": maxfev})
    if full_output:
        info = {key: found[key] for key in ("nfev", "njev", "fun", "fjac", "r", "qtf")}
        return found.x, info | {"fvec": info.pop("fun")}, found.status, found.message
    if not found.success:
        warnings.warn(found.message, RuntimeWarning, stacklevel=3)
    return found.x


@answering
def leastsq(
    func: Callable[..., Any], x0: Any, args: Any = (), Dfun: Any = None,  # noqa: N803
    full_output: bool = False, ftol: float = 1.49012e-8, xtol: float = 1.49012e-8,
    gtol: float = 0.0, maxfev: int = 0,
) -> Any:  # fmt: skip
    """Least squares as :func:`least_squares` finds them, by SciPy's older interface.

    Args:
        func, x0, args, Dfun: see :func:`least_squares`.
        full_output: whether to return ``(x, cov_x, infodict, mesg, ier)``, as SciPy.
        ftol, xtol, gtol, maxfev: see scipy.optimize.leastsq.

    Returns:
        ``(x, ier)``, where an ier from 1 to 4 is a success.

    >>> print(leastsq(lambda x: x - np.array([1.0, 2.0]), [0.0])[0].round(6))  # doctest: +SKIP
    [1.5]
    """
    limits = {"ftol": ftol, "xtol": xtol, "gtol": max(gtol, 1e-15), "max_nfev": maxfev or None}
    found = least_squares(func, x0, Dfun, args=as_tuple(args), method="lm", **limits)
    if not full_output:
        return found.x, found.status
    slopes = found.jac
    information = slopes.T @ slopes
    covariance = None if np.linalg.matrix_rank(information) < len(slopes.T) else (
        np.linalg.inv(information))  # fmt: skip
    return found.x, covariance, {"nfev": found.nfev, "fvec": found.fun}, found.message, found.status
