"""minimize: SciPy's minimizers, with derived gradients, Hessians and Jacobians."""

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.avals import aval_of, is_arraylike, shape_of
from ...core.errors import NonScalarError
from ...core.lazy import answering
from ...core.trace import Tracer, is_concrete
from ...ops.operand import operand
from ...ops.ravel import ravel_pytree
from ...ops.structure import cast
from ...transforms.arguments import check_callable
from ...transforms.curvature import hvp
from ...transforms.grad import grad, value_and_grad
from ...transforms.jacobian import hessian, jacfwd, jacrev
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
from .boxed import minimized
from .kkt import Conditions, optimum

_BY_PRODUCTS = frozenset({"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"})
_BY_HESSIAN = frozenset({"dogleg", "trust-exact"})
_WITHOUT_GRADIENT = frozenset({"nelder-mead", "powell", "cobyla", "cobyqa"})


@answering
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
        x0: initial tree of real arrays; a list or tuple of scalars is an array.
        args, method, tol, options: see scipy.optimize.minimize.
        jac, hess, hessp: None to derive them, or functions that return trees; with ``jac=True``,
            ``fun`` returns ``(value, gradient)``.
        bounds: SciPy's Bounds, or its list of pairs, one per element; for a tree also a tuple
            (low, high) of scalars or trees like ``x0``.
        constraints: SciPy's dicts and objects with functions of trees; Jacobians are derived.
        callback: called with each tree, or with the keyword ``intermediate_result`` if it has it.

    Returns:
        SciPy's OptimizeResult with trees like ``x0``, and ``compiled``: whether ``fun`` could be.
        ``x`` and ``fun`` are differentiable in all that the problem depends on; active constraints
        stay so. Under jit and vmap a program minimizes, L-BFGS with bounds.

    Raises:
        ImportError: without SciPy.
        UnsupportedError: under jit or vmap, for other methods and constraints.

    >>> found = minimize(lambda p: (p["a"] - 2) ** 2, {"a": 0.0})  # doctest: +SKIP
    >>> print(found.x["a"].round(6))  # doctest: +SKIP
    2.0
    """
    scipy = scipy_optimize("minimize")
    check_callable("minimize", fun)
    _check_method(method)
    flat = FlatTree("minimize", x0)
    args = as_tuple(args)
    objective = flat.function(fun, args)
    if jac is not True:
        objective = _scalar_valued(objective)
    name = method.lower() if isinstance(method, str) else method
    given = {"jac": jac, "hess": hess, "hessp": hessp}
    options_: dict[str, Any] = {"method": method, "tol": tol, "options": options}
    if callback is not None:
        options_["callback"] = _on_trees(callback, flat)
    low, high = flat.bounds(bounds)
    limits = Constraints(flat, _listed(constraints), low, high, bounds is not None)
    limits.curved = name == "trust-constr"
    if bounds is not None and not isinstance(low, Tracer) and not isinstance(high, Tracer):
        options_["bounds"] = scipy.Bounds(low, high)
    solver = Minimizer(scipy, flat, name, given, args, options_)
    traced = jac is not True and (solver.traced(objective) or limits.traced())
    if traced and not is_concrete(objective(flat.start)) and solver.has_program(limits):
        return solver.as_program(objective, low, high)
    if not traced:
        options_ |= limits.for_scipy(lambda v, k: limits.functions[k](v))
        return solver.result(*solver.run(objective, flat.start))
    return solver.differentiable(objective, limits)


# SciPy's
_METHODS = (
    "nelder-mead", "powell", "cg", "bfgs", "newton-cg", "l-bfgs-b", "tnc", "cobyla", "cobyqa",
    "slsqp", "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov",
)  # fmt: skip


def _check_method(method: Any) -> None:
    if isinstance(method, str) and method.lower() not in _METHODS:
        raise ValueError(
            f"minimize: method must be one of {', '.join(_METHODS)}: got {method!r}; use 'BFGS' "
            f"for smooth functions"
        )


def _scalar_valued(objective: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(v: Any) -> Any:
        y = objective(v)
        if is_arraylike(y) and math.prod(shape_of(y)) != 1:
            raise NonScalarError(
                f"minimize: fun must return a scalar: got {aval_of(y)}; reduce it by sum or mean"
            )
        return y

    return checked


def _with_gradient(objective: Callable[[Any], Any], flat: FlatTree) -> Callable[[Any], Any]:
    """The value and the flat gradient, for SciPy, of a function that returns both."""

    def both(v: Any) -> Any:
        pair = objective(v)
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
            got = aval_of(pair) if is_arraylike(pair) else type(pair).__name__
            raise TypeError(
                f"minimize: with jac=True fun must return (value, gradient): got {got}; leave jac "
                f"out to have it derived"
            )
        return float(pair[0]), flat.ravel(pair[1])

    return both


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
            fun = _with_gradient(objective, flat)
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

    def has_program(self, limits: "Constraints") -> bool:
        """Whether there is a program for the method, which jit and vmap take."""
        simple = not limits.functions and self.given == dict.fromkeys(self.given)
        return simple and self.name in (None, "bfgs", "l-bfgs-b")

    def as_program(self, objective: Callable[[Any], Any], low: Any, high: Any) -> Any:
        """Result of the program, of which SciPy has no part."""
        options = self.options["options"] or {}
        tol = options.get("gtol", self.options["tol"] or 1e-8)
        most = options.get("maxiter", 500)
        found = minimized(objective, self.flat.start, low, high, tol, most)
        return found._replace(x=self.flat.unravel(found.x), jac=self.flat.unravel(found.jac))

    def differentiable(self, objective: Callable[[Any], Any], limits: "Constraints") -> Any:
        """Result whose ``x`` and ``fun`` are differentiable in traced values.

        Constraints that are active at the solution stay so.
        """
        results: list[Any] = []

        def problem(v: Any) -> Conditions:
            return Conditions(operand(objective(v)), *limits.conditions(v))

        def solve(problem: Callable[[Any], Conditions], start: Any) -> Any:
            self.options |= limits.for_scipy(
                lambda v, k: limits.part(problem(v).values, k), problem(start)
            )
            results.append(self.run(lambda v: problem(v).objective, start))
            return cast(results[-1][0].x, self.flat.dtype)

        x = optimum(problem, self.flat.start, solve)
        found, staged = results[0]
        found.x, found.fun = x, objective(x)
        found = self.result(found, staged)
        found.x = self.flat.unravel(x)
        return found


class Constraints:
    """The bounds and constraints of a problem: functions of vectors between two limits."""

    curved = False  # whether the method takes Hessians, which are derived; others warn of them

    def __init__(self, flat: FlatTree, given: Sequence[Any], low: Any, high: Any, bounded: bool):
        self.flat, self.given, self.bounded = flat, given, bounded
        self.low, self.high = low, high
        self.functions = [_function(c, flat) for c in given]
        values = [operand(f(flat.start)) for f in self.functions]
        self.values = values
        ends = [0, *(shape_of(v)[0] for v in values)]
        starts = np.cumsum(ends) + (flat.size if bounded else 0)
        self.places = [slice(a, b) for a, b in itertools.pairwise(starts.tolist())]

    def traced(self) -> bool:
        known = [*self.values, self.low, self.high, *(x for c in self.given for x in _ends(c))]
        return any(isinstance(x, Tracer) for x in known)

    def part(self, values: Any, k: int) -> Any:
        """The values of a constraint, of those of all."""
        return values[self.places[k]]

    def conditions(self, v: Any) -> tuple[Any, Any, Any]:
        """The values of all constraints, and their limits."""
        dtype = self.flat.dtype
        rows = [v] if self.bounded else []
        low, high = ([x] if self.bounded else [] for x in (self.low, self.high))
        for f, c in zip(self.functions, self.given, strict=True):
            rows.append(cast(operand(f(v)), dtype))
            for side, end in zip((low, high), _ends(c), strict=True):
                side.append(np.broadcast_to(operand(end), shape_of(rows[-1])))
        joined = lambda xs: cast(np.concatenate(xs), dtype) if xs else np.zeros(0, dtype)
        return joined(rows), joined(low), joined(high)

    def for_scipy(self, of: Callable[[Any, int], Any], known: Any = None) -> dict[str, Any]:
        """The arguments bounds and constraints of SciPy, with functions ``of(v, k)``."""
        found: dict[str, Any] = {}
        if known is not None and self.bounded:
            n = self.flat.size
            found["bounds"] = scipy_optimize("minimize").Bounds(
                plain(known.low[:n]), plain(known.high[:n])
            )
        limits = []
        for k, c in enumerate(self.given):
            ends: Any = _ends(c)
            if known is not None:
                ends = [plain(self.part(x, k)) for x in (known.low, known.high)]
            limits.append(_constraint(c, self, functools.partial(lambda k, v: of(v, k), k), ends))
        if limits:
            found["constraints"] = limits[0] if len(limits) == 1 else limits
        return found


def _ends(given: Any) -> tuple[Any, Any]:
    """The limits of a constraint."""
    if isinstance(given, dict):
        return 0.0, 0.0 if given["type"] == "eq" else np.inf
    return given.lb, given.ub


def _function(given: Any, flat: FlatTree) -> Callable[[Any], Any]:
    """A constraint as a function of a vector to a vector."""
    if hasattr(given, "A"):
        return lambda v: np.atleast_2d(operand(given.A)) @ v
    vector = lambda y: np.reshape(ravel_pytree(y)[0], (-1,))
    if isinstance(given, dict):
        return flat.function(given["fun"], tuple(given.get("args", ())), vector)
    return flat.function(given.fun, (), vector)


def _listed(constraints: Any) -> Sequence[Any]:
    return list(constraints) if isinstance(constraints, (list, tuple)) else [constraints]


def _constraint(
    given: Any, limits: Constraints, f: Callable[[Any], Any], ends: Sequence[Any]
) -> Any:
    """Constraint on vectors, with a derived Jacobian if it has none."""
    flat = limits.flat
    kind: Any = getattr(scipy_optimize("minimize"), type(given).__name__, None)  # SciPy's
    if hasattr(given, "A"):
        return kind(plain(given.A), *ends, keep_feasible=given.keep_feasible)
    if isinstance(given, dict):
        slopes = given.get("jac")
        jac = jacrev(f) if slopes is None else flat.function(slopes, tuple(given.get("args", ())))
        return {"type": given["type"], "fun": in_float64(f), "jac": in_float64(jac)}
    curved = lambda v, w: jacfwd(grad(lambda v: w @ f(v)))(v)
    derived = not callable(given.jac)
    own = not derived and given.hess is not None
    bent = {"hess": given.hess if own else in_float64(curved)} if limits.curved else {}
    return kind(
        in_float64(f),
        *ends,
        jac=in_float64(jacrev(f)) if derived else flat.function(given.jac, ()),
        **bent,
        keep_feasible=given.keep_feasible,
    )


def _on_trees(callback: Callable[..., Any], flat: FlatTree) -> Callable[..., Any]:
    if set(inspect.signature(callback).parameters) == {"intermediate_result"}:

        def with_result(intermediate_result: Any) -> Any:
            intermediate_result.x = flat.unravel(intermediate_result.x)
            return callback(intermediate_result=intermediate_result)

        return with_result
    return lambda v, *rest: callback(flat.unravel(v), *rest)
