"""Newton's method for the stages of implicit methods, and derivatives of their solutions."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.trace import Tracer
from ...transforms.abstract import closure_convert
from ...transforms.custom.decorators import custom_jvp
from ...transforms.forward import jvp
from .equation import Equation


def tolerance(eq: Equation) -> Any:
    """The error of the stages, relative to that of the step."""
    rtol = np.min(eq.limits.rtol)
    return np.fmax(10 * np.finfo(float).eps / rtol, np.fmin(0.03, rtol**0.5))


def progress(count: Any, before: Any, size: Any, tol: Any, most: int) -> tuple[Any, Any]:
    """The rate of convergence, and whether to go on (0), that it converged (1) or failed (2)."""
    if not isinstance(size, Tracer):
        rate = size / before if before > 0 else math.nan  # at first: no comparison holds
        left = 1.0 if rate >= 1 else 1 - rate
        failed = rate >= 1 or rate ** (most - count) / left * size > tol
        done = size == 0 or rate / left * size < tol
        return rate, 2 if failed else 1 if done else 0
    rate = size / np.where(before > 0, before, np.nan)
    slow = rate >= 1
    left = np.where(slow, 1.0, 1 - rate)
    failed = np.logical_or(slow, rate ** (most - count) / left * size > tol)
    done = np.logical_or(size == 0, rate / left * size < tol)
    return rate, np.where(failed, 2, np.where(done, 1, 0))


def inverse(matrix: Any) -> Any:
    """The inverse, or nan for a singular matrix."""
    if isinstance(matrix, Tracer):
        return np.linalg.inv(matrix)
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return np.full_like(matrix, np.nan)


def solution(gaps: Callable[[Any], Any], slope: Callable[[Any], Any], known: Any) -> Any:
    """The known root of ``gaps``, with derivatives in all that it closes over.

    Args:
        gaps: a function from arrays like ``known`` to arrays like it.
        slope: the matrix of its derivatives, on flat arrays.

    Source: the implicit function theorem, dx = -(df/dx)^-1 df.
    """
    if not isinstance(gaps(known), Tracer):
        return known
    gaps, consts = closure_convert(gaps, known)
    slope, more = closure_convert(slope, known)

    def root(consts: Any, more: Any, known: Any) -> Any:
        return known

    def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
        consts, more, known = primals
        x = ruled(consts, more, known)
        moved = jvp(lambda *cs: gaps(x, *cs), consts, tangents[0])[1]
        step = np.linalg.solve(slope(x, *more), -np.reshape(moved, (-1,)))
        return x, np.reshape(step, shape_of(x))

    ruled = custom_jvp(root)
    ruled.defjvp(rule)
    return ruled(tuple(consts), tuple(more), known)
