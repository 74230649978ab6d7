"""Rosenbrock's function, constraints, isotonic regression, and solvers by older names."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import aval_of, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...numpy.indexing import known
from ...ops.operand import operand
from ..floating import as_floating
from .minimization import minimize
from .roots import root
from .scalars import minimize_scalar


@answering
def rosen(x: Any) -> Any:
    """Rosenbrock's function: sum of 100 (x[i + 1] - x[i]**2)**2 + (1 - x[i])**2.

    Args:
        x: shape [n, ...]; the sum is along the first axis.

    >>> print(rosen(np.array([1.0, 1.0, 2.0])))
    100.0
    """
    x = as_floating(x)
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2, axis=0)


@answering
def rosen_der(x: Any) -> Any:
    """Gradient of Rosenbrock's function, shape [n]; see :func:`rosen`.

    >>> print(rosen_der(np.array([1.0, 1.0, 2.0])))
    [   0. -400.  200.]
    """
    x = as_floating(x)
    gap = x[1:] - x[:-1] ** 2
    none = np.zeros_like(x[:1])
    return np.concatenate([-400 * x[:-1] * gap - 2 * (1 - x[:-1]), none]) + np.concatenate(
        [none, 200 * gap]
    )


@answering
def rosen_hess(x: Any) -> Any:
    """Hessian of Rosenbrock's function, shape [n, n]; see :func:`rosen`.

    >>> print(rosen_hess(np.array([1.0, 1.0])))
    [[ 802. -400.]
     [-400.  200.]]
    """
    x = np.atleast_1d(as_floating(x))
    side, none = -400 * x[:-1], np.zeros_like(x[:1])
    main = np.concatenate([1200 * x[:-1] ** 2 - 400 * x[1:] + 2, none])
    main = main + np.concatenate([none, np.full_like(x[1:], 200.0)])
    return np.diag(side, 1) + np.diag(side, -1) + np.diag(main)


@answering
def rosen_hess_prod(x: Any, p: Any) -> Any:
    """Hessian of Rosenbrock's function times a vector; see :func:`rosen`.

    >>> print(rosen_hess_prod(np.array([1.0, 1.0]), np.array([1.0, 0.0])))
    [ 802. -400.]
    """
    return rosen_hess(x) @ as_floating(p)


# constraints


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of the elements of a vector, for :func:`minimize`: lb <= x <= ub; may be traced.

    >>> found = minimize(lambda x: (x + 1) ** 2, 2.0, bounds=Bounds(0.5))  # doctest: +SKIP
    >>> print(found.x.round(6))  # doctest: +SKIP
    0.5
    """

    lb: Any = -np.inf
    ub: Any = np.inf
    keep_feasible: Any = False

    def residual(self, x: Any) -> tuple[Any, Any]:
        """Distances x - lb and ub - x."""
        return operand(x) - operand(self.lb), operand(self.ub) - operand(x)


@dataclass(frozen=True, slots=True)
class LinearConstraint:
    """The constraint lb <= A x <= ub, for :func:`minimize`; its arrays may be traced.

    >>> least = LinearConstraint(np.ones((1, 2)), 2.0)
    >>> found = minimize(lambda x: (x**2).sum(), np.zeros(2), constraints=least)  # doctest: +SKIP
    >>> print(found.x.round(6))  # doctest: +SKIP
    [1. 1.]
    """

    A: Any
    lb: Any = -np.inf
    ub: Any = np.inf
    keep_feasible: Any = False

    def residual(self, x: Any) -> tuple[Any, Any]:
        """Distances A x - lb and ub - A x."""
        y = operand(self.A) @ operand(x)
        return y - operand(self.lb), operand(self.ub) - y


@dataclass(frozen=True, slots=True)
class NonlinearConstraint:
    """The constraint lb <= fun(x) <= ub, for :func:`minimize`; its Jacobian is derived.

    >>> disc = NonlinearConstraint(lambda x: (x**2).sum(), -np.inf, 2.0)
    >>> found = minimize(lambda x: -x.sum(), np.zeros(2), constraints=disc)  # doctest: +SKIP
    >>> print(found.x.round(6))  # doctest: +SKIP
    [1. 1.]
    """

    fun: Callable[..., Any]
    lb: Any
    ub: Any
    jac: Any = "2-point"
    hess: Any = None
    keep_feasible: Any = False
    finite_diff_rel_step: Any = None
    finite_diff_jac_sparsity: Any = None


# isotonic regression


class IsotonicResult(NamedTuple):
    """The regression; weights and starts of its constant pieces, None under jit and vmap."""

    x: Any  # [n]
    weights: Any  # [pieces]
    blocks: Any  # [pieces + 1]


@answering
def isotonic_regression(y: Any, *, weights: Any = None, increasing: bool = True) -> IsotonicResult:
    """The ascending sequence nearest to samples, differentiable in these and in weights.

    Args:
        y: samples, shape [n].
        weights: positive weights, shape [n].
        increasing: whether the sequence ascends, or descends.

    Source: Busing 2022, "Monotone regression: a simple and fast O(n) PAVA implementation" (J. Stat.
    Softw. 102); under jit and vmap the formula max_i<=k min_j>=k mean(y[i..j]), in O(n^2).

    >>> print(isotonic_regression(np.array([1.0, 3.0, 2.0, 4.0])).x)
    [1.  2.5 2.5 4. ]
    """
    y = as_floating(y)
    w = np.ones(shape_of(y)) if weights is None else as_floating(weights)
    if len(shape_of(y)) != 1 or shape_of(w) != shape_of(y):
        raise ShapeError(
            f"isotonic_regression: y and weights must be vectors of one length: got {aval_of(y)} "
            f"and {aval_of(w)}"
        )
    values = known(y), known(w)
    if values[1] is not None and np.any(values[1] <= 0):
        raise ValueError("isotonic_regression: weights must be positive: got one that is not")
    y, w = (y, w) if increasing else (y[::-1], w[::-1])
    if values[0] is None or values[1] is None:
        x = _minimax(y, w)
        return IsotonicResult(x if increasing else x[::-1], None, None)
    starts = _pieces(np.asarray(known(y)), np.asarray(known(w)))
    piece = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    total = np.stack([np.sum(w[a:b]) for a, b in itertools.pairwise(starts)])
    moment = np.stack([np.sum((w * y)[a:b]) for a, b in itertools.pairwise(starts)])
    x = (moment / total)[piece]
    if increasing:
        return IsotonicResult(x, total, starts)
    return IsotonicResult(x[::-1], total[::-1], starts[-1] - starts[::-1])


def _pieces(y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The starts of the pieces, by pooling neighbours that descend, and the length."""
    means: list[float] = []
    total: list[float] = []
    starts: list[int] = []
    for i, (value, weight) in enumerate(zip(y.tolist(), w.tolist(), strict=True)):
        start = i
        while means and means[-1] >= value:
            value = (means[-1] * total[-1] + value * weight) / (total[-1] + weight)
            weight += total.pop()
            means.pop()
            start = starts.pop()
        means, total, starts = [*means, value], [*total, weight], [*starts, start]
    return np.array([*starts, len(y)])


def _minimax(y: Any, w: Any) -> Any:
    n = shape_of(y)[0]
    sums = lambda v: np.concatenate([np.zeros(1), np.cumsum(v)])
    between = lambda c: c[1:] - c[:-1, None]  # [i, j], of elements i to j
    ahead = np.arange(n)[:, None] <= np.arange(n)
    means = between(sums(w * y)) / np.where(ahead, between(sums(w)), 1.0)
    rows = []
    for k in range(n):
        rows.append(np.max(np.min(means[: k + 1, k:], axis=1)))
    return np.stack(rows)


# minimizers by older names


def _least(
    method: str, f: Callable[..., Any], x0: Any, args: Any, slopes: dict[str, Any],
    options: dict[str, Any],
) -> Any:  # fmt: skip
    given = {k: v for k, v in options.items() if v is not None}
    return minimize(f, x0, args, method, **slopes, options=given or None).x


@answering
def fmin_cg(
    f: Callable[..., Any], x0: Any, fprime: Any = None, args: Sequence[Any] = (),
    gtol: float = 1e-5, **options: Any,
) -> Any:  # fmt: skip
    """Minimum by conjugate gradients, see :func:`minimize`.

    Args:
        f, x0, args: see ``fun`` and others there.
        fprime: None to derive the gradient, or a function that returns it.
        gtol, options: of the method, as ``maxiter``.

    >>> print(fmin_cg(lambda x: (x - 2) ** 2, 0.0).round(6))  # doctest: +SKIP
    2.0
    """
    return _least("CG", f, x0, args, {"jac": fprime}, {"gtol": gtol, **options})


@answering
def fmin_ncg(
    f: Callable[..., Any], x0: Any, fprime: Any = None, fhess_p: Any = None, fhess: Any = None,
    args: Sequence[Any] = (), avextol: float = 1e-5, **options: Any,
) -> Any:  # fmt: skip
    """Minimum by Newton's method with conjugate gradients; see :func:`fmin_cg`.

    Args:
        fprime, fhess_p, fhess: None to derive them, or functions, see ``jac``, ``hessp`` and
            ``hess`` of :func:`minimize`.

    >>> print(fmin_ncg(lambda x: (x - 2) ** 2, 0.0).round(6))  # doctest: +SKIP
    2.0
    """
    slopes = {"jac": fprime, "hessp": fhess_p, "hess": fhess}
    return _least("Newton-CG", f, x0, args, slopes, {"xtol": avextol, **options})


@answering
def fmin_powell(
    func: Callable[..., Any], x0: Any, args: Sequence[Any] = (), xtol: float = 1e-4,
    ftol: float = 1e-4, maxiter: int | None = None, maxfun: int | None = None, **options: Any,
) -> Any:  # fmt: skip
    """Minimum by Powell's method, without a gradient; see :func:`fmin_cg`.

    >>> print(fmin_powell(lambda x: (x - 2) ** 2, 0.0).round(6))  # doctest: +SKIP
    2.0
    """
    given = {"xtol": xtol, "ftol": ftol, "maxiter": maxiter, "maxfev": maxfun, **options}
    return _least("Powell", func, x0, args, {}, given)


@answering
def fminbound(
    func: Callable[..., Any], x1: Any, x2: Any, args: Sequence[Any] = (), xtol: float = 1e-5,
    maxfun: int = 500,
) -> Any:  # fmt: skip
    """Minimum of a function of a scalar between bounds; see :func:`minimize_scalar`.

    >>> print(fminbound(lambda x: (x - 2) ** 2, 0.0, 3.0).round(6))
    2.0
    """
    found = minimize_scalar(func, None, (x1, x2), args, "bounded", min(xtol, 1e-8),
                            {"maxiter": maxfun})  # fmt: skip
    return found.x


def _check_output(who: str, full_output: int) -> None:
    if full_output:
        raise ValueError(f"{who}: full_output must be 0: got {full_output}; use minimize_scalar")


@answering
def brent(
    func: Callable[..., Any], args: Sequence[Any] = (), brack: Any = None, tol: float = 1.48e-8,
    full_output: int = 0, maxiter: int = 500,
) -> Any:  # fmt: skip
    """Minimum of a function of a scalar, from a bracket; see :func:`minimize_scalar`.

    >>> print(brent(lambda x: (x - 2) ** 2).round(6))
    2.0
    """
    _check_output("brent", full_output)
    found = minimize_scalar(func, brack, None, args, "brent", tol, {"maxiter": maxiter})
    return found.x


@answering
def golden(
    func: Callable[..., Any], args: Sequence[Any] = (), brack: Any = None, tol: float = 1.48e-8,
    full_output: int = 0, maxiter: int = 5000,
) -> Any:  # fmt: skip
    """Minimum of a function of a scalar by the golden section; see :func:`minimize_scalar`.

    >>> print(golden(lambda x: (x - 2) ** 2).round(6))
    2.0
    """
    _check_output("golden", full_output)
    found = minimize_scalar(func, brack, None, args, "golden", tol, {"maxiter": maxiter})
    return found.x


# the names of SciPy's root for options of its older functions
_OPTIONS = {
    "f_tol": "fatol", "f_rtol": "ftol", "x_tol": "xatol", "x_rtol": "xtol", "maxiter": "maxiter",
    "iter": "nit", "verbose": "disp", "line_search": "line_search",
}  # fmt: skip


def _zero(method: str, f: Callable[..., Any], xin: Any, options: dict[str, Any]) -> Any:
    given = {_OPTIONS[k]: v for k, v in options.items() if k in _OPTIONS and v is not None}
    more = {k: v for k, v in options.items() if k not in _OPTIONS and v is not None}
    given |= {"jac_options": more} if more else {}
    return root(f, xin, method=method, options=given or None).x


@answering
def newton_krylov(F: Callable[..., Any], xin: Any, **options: Any) -> Any:  # noqa: N803
    """Root of a function of trees by Newton's method with Krylov's; see :func:`root`.

    Args:
        F: from trees to trees with equally many elements.
        xin: initial tree.
        options: of SciPy's function of this name, as ``f_tol``, ``x_rtol`` and ``maxiter``.

    >>> print(newton_krylov(lambda x: x**2 - 2, np.array([1.0])).round(4))  # doctest: +SKIP
    [1.4142]
    """
    return _zero("krylov", F, xin, options)


@answering
def broyden1(F: Callable[..., Any], xin: Any, **options: Any) -> Any:  # noqa: N803
    """Root by Broyden's first method; see :func:`newton_krylov`.

    >>> print(broyden1(lambda x: x**2 - 2, np.array([1.0])).round(4))  # doctest: +SKIP
    [1.4142]
    """
    return _zero("broyden1", F, xin, options)


@answering
def broyden2(F: Callable[..., Any], xin: Any, **options: Any) -> Any:  # noqa: N803
    """Root by Broyden's second method; see :func:`newton_krylov`.

    >>> print(broyden2(lambda x: x**2 - 2, np.array([1.0])).round(4))  # doctest: +SKIP
    [1.4142]
    """
    return _zero("broyden2", F, xin, options)


@answering
def anderson(F: Callable[..., Any], xin: Any, **options: Any) -> Any:  # noqa: N803
    """Root by Anderson's mixing; see :func:`newton_krylov`.

    >>> print(anderson(lambda x: x**2 - 2, np.array([1.0])).round(4))  # doctest: +SKIP
    [1.4142]
    """
    return _zero("anderson", F, xin, options)
