"""The places at which a piecewise polynomial has a value."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core.avals import aval_of
from ...core.errors import ConcretizationError
from ...core.trace import is_concrete
from ...ops.stop_gradient import stop_gradient


def crossings(p: Any, y: Any, jumps: bool, outside: bool) -> Any:
    """The places with value y, ascending, differentiable in y and in what p is made of.

    Args:
        p: a piecewise polynomial with scalar values.
        y: scalar.
        jumps: whether a jump through y counts.
        outside: whether the first and the last polynomial are followed beyond the breakpoints.
    """
    if not all(map(is_concrete, (p.c, p.x, y))):
        raise ConcretizationError(
            f"PPoly.solve: the number of places must be known: got {aval_of(p.c)} traced; call it "
            f"outside of jit and vmap"
        )
    c, x, level = (np.asarray(stop_gradient(v)) for v in (p.c, p.x, y))
    found = list(_found(c, x, level, jumps, outside))
    at = np.array([place for place, _ in found], x.dtype)
    # a step of Newton's method, which moves a place only by its derivative
    slope = np.asarray(stop_gradient(p(at, 1, True)))
    smooth = np.array([kind == "root" for _, kind in found], bool) & (slope != 0)
    miss = p(np.where(np.isnan(at), x[0], at), 0, True) - y
    moved = (miss - stop_gradient(miss)) / np.where(smooth, slope, 1)
    return at - np.where(smooth, moved, 0)


def _found(
    c: np.ndarray, x: np.ndarray, level: Any, jumps: bool, outside: bool
) -> Iterator[tuple[Any, str]]:
    """The places with their kinds: a root, a jump, or a constant interval."""
    last, before = None, None
    for i in range(c.shape[1]):
        width, shifted = x[i + 1] - x[i], c[:, i].copy()
        shifted[-1] -= level
        if width == 0:
            continue
        if jumps and before is not None and before * shifted[-1] < 0:
            yield x[i], "jump"
        before = np.polyval(shifted, width)
        if not shifted.any():
            yield x[i], "constant"
            yield np.nan, "constant"
            continue
        low = -np.inf if outside and i == 0 else 0.0
        high = np.inf if outside and i == c.shape[1] - 1 else width
        for h in _real_roots(shifted):
            near = 1e-14 * max(1.0, abs(x[i]), width)
            at = x[i] + h
            if low - near <= h <= high + near and (last is None or abs(at - last) > near):
                last = at
                yield at, "root"


def _real_roots(c: np.ndarray) -> list[float]:
    """The real roots of a polynomial, ascending, by a last step of Newton's method each."""
    roots = np.roots(c)
    size = np.abs(roots).max(initial=0.0)
    real = sorted(r.real for r in roots if abs(r.imag) <= 1e-8 * max(size, 1e-300))
    slope = np.polyder(c)
    steps = [np.polyval(c, r) / d if (d := np.polyval(slope, r)) else 0.0 for r in real]
    return [r - s for r, s in zip(real, steps, strict=True)]
