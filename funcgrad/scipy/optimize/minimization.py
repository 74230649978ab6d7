"""minimize: SciPy's minimizers, with derived gradients, Hessians and Jacobians."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.errors import UnsupportedError
from ...core.trace import Tracer
from ...ops.operand import operand
from ...ops.ravel import ravel_pytree
from ...ops.structure import cast
from ...transforms.arguments import check_callable
from ...transforms.grad import grad, value_and_grad
from ...transforms.jacobian import hessian, hvp, jacfwd, jacrev
from ...transforms.jit.api import jit
from .adapter import FlatTree, compiled, concrete_values, in_float64, scipy_optimize
from .implicit import implicit

_BY_PRODUCTS = frozenset({"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"})
_BY_HESSIAN = frozenset({"dogleg", "trust-exact"})
_WITHOUT_GRADIENT = frozenset({"nelder-mead", "powell", "cobyla", "cobyqa"})


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    method: str | None = None,
    jac: Any = None,
    hess: Callable[..., Any] | None = None,
    hessp: Callable[..., Any] | None = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """Minimum of a function of a tree of arrays by SciPy, with derived gradients and Hessians.

    Args:
        fun: ``fun(x, *args)`` returns a scalar for a tree ``x`` like ``x0``.
        x0: initial tree of real floating arrays; a list is a tree.
        args, method, tol, options: see scipy.optimize.minimize.
        jac, hess, hessp: None to derive them, or functions that return trees; with ``jac=True``,
            ``fun`` returns ``(value, gradient)``.
        bounds: SciPy's Bounds, or its list of pairs, one per element; for a tree also a tuple
            (low, high) of scalars or trees like ``x0``.
        constraints: SciPy's dicts and objects with functions of trees; Jacobians are derived.
        callback: called with each tree, or with the keyword ``intermediate_result`` if it has it.

    Returns:
        SciPy's OptimizeResult with ``x`` and ``jac`` as trees like ``x0``, in its dtypes, and
        ``compiled``: whether ``fun`` was compiled; it is not if it cannot be traced. If ``fun``
        depends on traced values, ``x`` and ``fun`` are differentiable in them.

    Raises:
        ImportError: without SciPy.
        UnsupportedError: if constraints depend on traced values, or under jit or vmap.

    >>> found = minimize(lambda p: (p["a"] - 2) ** 2, {"a": 0.0})  # doctest: +SKIP
    >>> print(found.x["a"].round(6))  # doctest: +SKIP
    2.0
    """
    scipy = scipy_optimize("minimize")
    check_callable("minimize", fun)
    flat = FlatTree("minimize", x0)
    objective = flat.function(fun, tuple(args))
    name = method.lower() if isinstance(method, str) else method
    given = {"jac": jac, "hess": hess, "hessp": hessp}
    options_: dict[str, Any] = {"method": method, "tol": tol, "options": options}
    if callback is not None:
        options_["callback"] = _on_trees(callback, flat)
    low, high = flat.bounds(bounds)
    if bounds is not None:
        options_["bounds"] = scipy.Bounds(low, high)
    limits = [_constraint(c, flat) for c in _listed(constraints)]
    if limits:
        options_["constraints"] = limits[0] if len(limits) == 1 else limits
    solver = Minimizer(scipy, flat, name, given, tuple(args), options_)
    if jac is True or not solver.traced(objective):
        return solver.result(*solver.run(objective, flat.start))
    if limits:
        raise UnsupportedError(
            "minimize: a solution with constraints has no derivative in the traced values that "
            "the problem depends on; solve its optimality conditions by funcgrad.lax.custom_root"
        )
    return solver.differentiable(objective, low, high)


class Minimizer:
    """One call of minimize: the arguments for SciPy, and the conversion of its result."""

    def __init__(
        self, scipy: Any, flat: FlatTree, name: Any, given: dict, args: tuple, options: dict
    ) -> None:
        self.scipy, self.flat, self.name = scipy, flat, name
        self.given, self.args, self.options = given, args, options

    def traced(self, objective: Callable[[Any], Any]) -> bool:
        """Whether a function or the initial vector depends on traced values."""
        return isinstance(self.flat.start, Tracer) or isinstance(
            operand(objective(self.flat.start)), Tracer
        )

    def run(self, objective: Callable[[Any], Any], start: Any) -> tuple[Any, bool]:
        """SciPy's result, and whether the function was compiled."""
        flat, given = self.flat, self.given
        first = concrete_values("minimize", start)
        if given["jac"] is True:
            fun = lambda v: (lambda y, g: (float(y), flat.ravel(g)))(*objective(v))
            extra: dict[str, Any] = {"jac": True}
            quick = False
        elif self.name in _WITHOUT_GRADIENT:
            fun, quick = compiled(objective, first)
            extra = {}
        elif given["jac"] is not None:
            fun, quick = compiled(objective, first)
            extra = {"jac": flat.function(given["jac"], self.args, flat.ravel)}
        else:
            fun, quick = compiled(value_and_grad(objective), first)
            extra = {"jac": True}
        extra |= self._curvature(objective, quick)
        found = self.scipy.minimize(in_float64(fun), first, **extra, **self.options)
        return found, quick

    def _curvature(self, objective: Callable[[Any], Any], staged: bool) -> dict[str, Any]:
        flat, (hess, hessp) = self.flat, (self.given["hess"], self.given["hessp"])
        quick = jit if staged else lambda f: f
        if hess is not None:
            square = lambda h: np.reshape(h, (flat.size, flat.size))
            return {"hess": flat.function(hess, self.args, square)}
        if hessp is not None:
            product = lambda v, p: flat.ravel(hessp(flat.unravel(v), flat.unravel(p), *self.args))
            return {"hessp": product}
        if self.name in _BY_PRODUCTS:
            return {
                "hessp": in_float64(quick(lambda v, p: hvp(objective, (v,), (p.astype(v.dtype),))))
            }
        if self.name in _BY_HESSIAN:
            return {"hess": in_float64(quick(hessian(objective)))}
        return {}

    def result(self, found: Any, staged: bool) -> Any:
        """SciPy's result with vectors of all parameters converted to trees."""
        for name in ("x", "jac", "grad"):
            if isinstance(found.get(name), np.ndarray) and found[name].shape == (self.flat.size,):
                found[name] = self.flat.unravel(found[name])
        found["compiled"] = staged
        return found

    def differentiable(self, objective: Callable[[Any], Any], low: Any, high: Any) -> Any:
        """Result whose ``x`` and ``fun`` are differentiable in traced values.

        The derivative of an element on its bound is 0.
        """
        results: list[Any] = []
        free = lambda v: np.logical_and(v > low, v < high)

        def solve(function: Callable[[Any], Any], start: Any) -> Any:
            results.append(self.run(function, start))
            return cast(results[-1][0].x, self.flat.dtype)

        x = implicit("minimize", objective, self.flat.start, solve, grad, free)
        found, staged = results[0]
        found.x, found.fun = x, objective(x)
        found = self.result(found, staged)
        found.x = self.flat.unravel(x)
        return found


def _listed(constraints: Any) -> Sequence[Any]:
    return list(constraints) if isinstance(constraints, (list, tuple)) else [constraints]


def _constraint(given: Any, flat: FlatTree) -> Any:
    """Constraint on vectors, with a derived Jacobian if it has none."""
    if hasattr(given, "A"):
        return given  # linear: a matrix for vectors
    vector = lambda y: np.reshape(ravel_pytree(y)[0], (-1,))
    if isinstance(given, dict):
        f = flat.function(given["fun"], tuple(given.get("args", ())), vector)
        slopes = given.get("jac")
        jac = jacrev(f) if slopes is None else flat.function(slopes, tuple(given.get("args", ())))
        return {"type": given["type"], "fun": in_float64(f), "jac": in_float64(jac)}
    f = flat.function(given.fun, (), vector)
    curved = lambda v, w: jacfwd(grad(lambda v: w @ f(v)))(v)
    derived = not callable(given.jac)
    return type(given)(
        in_float64(f),
        given.lb,
        given.ub,
        jac=in_float64(jacrev(f)) if derived else flat.function(given.jac, ()),
        hess=in_float64(curved) if derived else given.hess,
        keep_feasible=given.keep_feasible,
    )


def _on_trees(callback: Callable[..., Any], flat: FlatTree) -> Callable[..., Any]:
    if set(inspect.signature(callback).parameters) == {"intermediate_result"}:

        def with_result(intermediate_result: Any) -> Any:
            intermediate_result.x = flat.unravel(intermediate_result.x)
            return callback(intermediate_result=intermediate_result)

        return with_result
    return lambda v, *rest: callback(flat.unravel(v), *rest)
