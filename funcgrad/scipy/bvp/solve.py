"""solve_bvp: the search for a mesh, and the solution on the mesh that it finds."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError
from ...core.frames import warn
from ...core.lazy import answering
from ...core.trace import Tracer
from ...ops.operand import operand, strong
from ...ops.structure import cast
from ...transforms.arguments import check_callable
from ..interpolate.piecewise import PPoly
from .collocation import System, residuals, rms_residuals, spline
from .implicit import differentiable
from .newton import solved_on_mesh
from .problem import BoundaryProblem, known_value

SEARCHES = 10  # at most, where the boundary conditions do not hold
_MESSAGES = (
    "The algorithm converged to the desired accuracy.",
    "The maximum number of mesh nodes is exceeded.",
    "A singular Jacobian encountered when solving the collocation system.",
    f"The solver was unable to satisfy boundary conditions tolerance on iteration {SEARCHES}.",
)


class BVPResult(NamedTuple):
    """The solution of a boundary value problem, with SciPy's fields."""

    sol: PPoly
    p: Any
    x: Any
    y: Any
    yp: Any
    rms_residuals: Any
    niter: int
    status: int
    message: str
    success: bool


class _Limits(NamedTuple):
    """Tolerances of the residual and of the boundary conditions, and the number of nodes."""

    tol: float
    bc_tol: float
    max_nodes: int
    verbose: int


class _Found(NamedTuple):
    """Mesh and solution on known values; places are those of the nodes on the first mesh."""

    x: Any
    places: Any
    y: Any
    p: Any
    niter: int
    status: int


@answering
def solve_bvp(
    fun: Callable[..., Any], bc: Callable[..., Any], x: Any, y: Any, p: Any = None, S: Any = None,  # noqa: N803
    fun_jac: Callable[..., Any] | None = None, bc_jac: Callable[..., Any] | None = None,
    tol: float = 1e-3, max_nodes: int = 1000, verbose: int = 0, bc_tol: float | None = None,
) -> BVPResult:  # fmt: skip
    """Solution of a boundary value problem dy/dx = fun(x, y, p) + S y / (x - a), bc(ya, yb, p) = 0.

    Args:
        fun: ``fun(x, y)``, or ``fun(x, y, p)`` with ``p``: [n, m], of x [m] and y [n, m]. Column
            i may depend on y[:, i] alone.
        bc: ``bc(ya, yb)`` or ``bc(ya, yb, p)``, shape [n + k].
        x: the first mesh, increasing, shape [m].
        y: the first guess on it, shape [n, m], real or complex.
        p: the first guess of the unknown parameters, shape [k].
        S: matrix of the singular term, [n, n]; it must imply S y(a) = 0.
        fun_jac, bc_jac: derivatives in SciPy's layout; by default they are derived.
        tol, bc_tol: of the relative residual in each interval, and of ``bc``, ``tol`` by default.
        max_nodes: the largest number of nodes. verbose: 1 prints a report, 2 each mesh.

    It is differentiable in all values that fun, bc, x and S depend on, by the implicit function
    theorem on the last mesh. The mesh is searched outside of jit and vmap. See SciPy's fields.

    Source: Kierzenka & Shampine 2001, "A BVP solver based on residual control and the Maltab PSE".

    >>> x = np.linspace(0.0, 1.0, 5)
    >>> ends = lambda ya, yb: [ya[0], yb[0] - 1]
    >>> print(solve_bvp(lambda x, y: [y[1], -y[0]], ends, x, np.zeros((2, 5))).sol(0.5)[0].round(4))
    0.5697
    """
    x, y, p, problem = _problem(fun, bc, x, y, p, S, fun_jac, bc_jac)
    least = 100 * np.finfo(float).eps
    if tol < least:
        warn(f"solve_bvp: tol is too low: got {tol}; it is set to {least:.2e}", UserWarning)
        tol = least
    limits = _Limits(tol, tol if bc_tol is None else bc_tol, max_nodes, verbose)
    found = _searched(
        problem.known(), known_value(x), y, p, known_value(problem.projection()), limits
    )
    mesh = _moved(found.x, found.places, x)
    y, p = differentiable(problem.system(), mesh, found.y, found.p)
    system = problem.system()
    at = residuals(system, mesh, y, p)
    sol = spline(mesh, y, at.f)
    return BVPResult(
        sol, p if shape_of(p)[0] else None, mesh, y, at.f,
        rms_residuals(system, mesh, p, sol, at), found.niter, found.status,
        _MESSAGES[found.status], found.status == 0,
    )  # fmt: skip


def _problem(
    fun: Any, bc: Any, x: Any, y: Any, p: Any, singular: Any, fun_jac: Any, bc_jac: Any
) -> tuple[Any, Any, Any, BoundaryProblem]:
    """The first mesh and known guesses, checked, and the problem."""
    check_callable("solve_bvp", fun)
    check_callable("solve_bvp", bc)
    x, y = cast(strong(operand(x)), np.float64), strong(operand(y))
    y = known_value(cast(y, np.complex128 if dtype_of(y).kind == "c" else np.float64))
    if len(shape_of(x)) != 1 or len(shape_of(y)) != 2 or shape_of(x) != shape_of(y)[1:]:
        raise ShapeError(
            f"solve_bvp: x must be [m] and y [n, m]: got {aval_of(x)} and {aval_of(y)}"
        )
    if shape_of(x)[0] < 2 or np.any(np.diff(known_value(x)) <= 0):
        raise ValueError("solve_bvp: x must be strictly increasing: got one that is not")
    p = known_value(cast(strong(operand(np.zeros(0) if p is None else p)), dtype_of(y)))
    if len(shape_of(p)) != 1:
        raise ShapeError(f"solve_bvp: p must have one axis: got {aval_of(p)}")
    if singular is not None:
        singular = cast(strong(operand(singular)), dtype_of(y))
        n = shape_of(y)[0]
        if shape_of(singular) != (n, n):
            raise ShapeError(f"solve_bvp: S must be {n} by {n}: got {aval_of(singular)}")
    return x, y, p, BoundaryProblem(fun, bc, fun_jac, bc_jac, x[0], singular)


def _searched(system: System, x: Any, y: Any, p: Any, project: Any, limits: _Limits) -> _Found:
    """The first mesh on which the residuals are as small as asked, and the solution on it."""
    places, niter, status = np.arange(len(x), dtype=float), 0, None
    if project is not None:
        y = np.concatenate([project @ y[:, :1], y[:, 1:]], axis=1)
    while status is None:
        y, p, singular = solved_on_mesh(system, x, y, p, project, limits.tol, limits.bc_tol)
        niter += 1
        at = residuals(system, x, y, p)
        sol = spline(x, y, at.f)
        errors = rms_residuals(system, x, p, sol, at)
        outer = np.max(np.abs(at.outer))
        status, more = _decided(errors, outer, singular, niter, len(x), limits)
        if limits.verbose == 2:
            print(f"solve_bvp: search {niter}: {len(x)} nodes, {more.sum()} more; residuals: "
                  f"{np.max(errors):.2e}, {outer:.2e} at the boundary")  # fmt: skip
        if status is None and np.any(more):
            x, places = _refined(x, more), _refined(places, more)
            y = sol(x)
    if limits.verbose:
        print(f"solve_bvp: {_MESSAGES[status]} {len(x)} nodes, {niter} searches")
    return _Found(x, places, y, p, niter, status)


def _decided(
    errors: Any, outer: Any, singular: bool, niter: int, nodes: int, limits: _Limits
) -> tuple[int | None, Any]:
    """The status if the search ends, and how many nodes each interval gets."""
    more = np.where(errors >= 100 * limits.tol, 2, np.where(errors > limits.tol, 1, 0))
    if singular:
        return 2, more
    if nodes + more.sum() > limits.max_nodes:
        return 1, more
    if not np.any(more) and outer <= limits.bc_tol:
        return 0, more
    return (3 if not np.any(more) and niter >= SEARCHES else None), more


def _refined(x: Any, more: Any) -> Any:
    """The nodes with one more in the middle, or two more in the thirds, of intervals."""
    a, b = x[:-1], x[1:]
    one, two = more == 1, more == 2
    halves = (a[one] + b[one]) / 2
    thirds = [(2 * a[two] + b[two]) / 3, (a[two] + 2 * b[two]) / 3]
    return np.sort(np.concatenate([x, halves, *thirds]))


def _moved(x: Any, places: Any, first: Any) -> Any:
    """The nodes as a function of those of the first mesh, between which they keep their places."""
    if not isinstance(first, Tracer):
        return x
    i = np.minimum(places.astype(int), shape_of(first)[0] - 2)
    share = places - i
    nodes = first[i] * (1 - share) + first[i + 1] * share
    return nodes + (x - known_value(nodes))
