"""Newton's method for the equations of collocation, with a line search."""

from typing import Any, NamedTuple

import numpy as np

from .blocks import factored, solved
from .collocation import Residuals, System, matrix, residuals

MATRICES, ITERATIONS, TRIALS = 4, 8, 5  # at most
DECREASE = 0.2  # of the criterion, relative to that of the linear model


class Iterate(NamedTuple):
    """The result of the iteration, and whether a matrix was singular."""

    y: Any
    p: Any
    singular: bool


def solved_on_mesh(
    system: System, x: Any, y: Any, p: Any, project: Any, tol: float, bc_tol: float
) -> Iterate:
    """Solution of the equations on a mesh.

    The criterion is the length of Newton's step by the last matrix, which does not depend on how
    the equations are scaled. A matrix is kept after a full step.

    Args:
        project: a matrix [n, n] for y at the left end, or None.

    Source: Ascher, Mattheij & Russell 1995, "Numerical Solution of Boundary Value Problems for
    Ordinary Differential Equations", section 8.1.
    """
    limit = 2 / 3 * np.diff(x) * 5e-2 * tol  # of residuals of which the spline's are below tol
    now, matrices, step = residuals(system, x, y, p), 0, None
    for _ in range(ITERATIONS):
        if step is None:
            matrices += 1
            try:
                factors = factored(matrix(system, x, y, p, now.middle))
                _check_regular(factors.rest)
                step = _step(factors, now)
            except np.linalg.LinAlgError:
                return Iterate(y, p, True)
        length, size = 1.0, _size(step)
        for trial in range(TRIALS):
            new_y, new_p = y - length * step[0].T, p - length * step[1]
            if project is not None:
                new_y[:, 0] = project @ new_y[:, 0]
            now = residuals(system, x, new_y, new_p)
            new_step = _step(factors, now)
            if _size(new_step) < (1 - 2 * length * DECREASE) * size:
                break
            length = length / 2 if trial < TRIALS - 1 else length
        y, p = new_y, new_p
        small = np.all(np.abs(now.inner) < limit * (1 + np.abs(now.f_middle)))
        if matrices == MATRICES or (small and np.all(np.abs(now.outer) < bc_tol)):
            break
        step = new_step if length == 1 else None
    return Iterate(y, p, False)


def _check_regular(matrix: Any) -> None:
    """Raise LinAlgError for a matrix that is singular to rounding, whatever the scale of rows."""
    rows = matrix / np.maximum(np.max(np.abs(matrix), axis=1, keepdims=True), 1e-300)
    if np.all(np.isfinite(rows)) and np.linalg.cond(rows) > 0.1 / np.finfo(float).eps:
        raise np.linalg.LinAlgError("singular matrix")


def _step(factors: Any, now: Residuals) -> Any:
    return solved(factors, now.inner.T, now.outer)


def _size(step: Any) -> Any:
    return sum(np.sum(np.abs(part) ** 2) for part in step)
