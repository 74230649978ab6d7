"""Linear systems as tuples: their state spaces, and systems of differences.

A system is a tuple, (b, a), (z, p, k) or (A, B, C, D), with a last element dt if it is discrete;
or an object with ``arrays`` and ``dt``.
"""

from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...linalg import expm
from . import representations as rep


def arrays_of(who: str, system: Any, discrete: bool) -> tuple[tuple[Any, ...], Any]:
    """The 2, 3 or 4 arrays of a system, and its step, None of a continuous one."""
    if hasattr(system, "arrays"):
        arrays, dt = system.arrays, system.dt
    else:
        arrays, dt = (tuple(system[:-1]), system[-1]) if discrete else (tuple(system), None)
    if (dt is not None) != discrete:
        kind, came = ("discrete", "no dt") if discrete else ("continuous", f"dt={dt}")
        other = who[1:] if discrete else f"d{who}"
        raise ValueError(f"{who}: the system must be {kind}: got {came}; use {other}")
    if len(arrays) not in (2, 3, 4):
        raise ShapeError(f"{who}: a system must have 2, 3 or 4 arrays: got {len(arrays)}")
    return arrays, dt


def space_of(arrays: tuple[Any, ...]) -> Any:
    """The matrices A, B, C, D of a system."""
    if len(arrays) == 4:
        return rep.abcd_normalize(*arrays)
    return rep.tf2ss(*arrays) if len(arrays) == 2 else rep.zpk2ss(*arrays)


@answering
def cont2discrete(system: Any, dt: Any, method: str = "zoh", alpha: Any = None) -> Any:
    """System of differences of a system of differential equations.

    Args:
        system: a tuple or an object, see :func:`lti`.
        dt: step of time.
        method: "zoh", a held input; "foh", a linear one; "impulse"; "gbt", the bilinear transform
            of weight ``alpha``; "bilinear", "euler" or "backward_diff", those of 1/2, 0 and 1.
        alpha: a number in [0, 1].

    Returns:
        The arrays of the same representation, and dt; of an object, an object.

    Source: Franklin, Powell & Workman 1997, "Digital control of dynamic systems", chapter 6.

    >>> print(cont2discrete((np.array([1.0]), np.array([1.0, 1.0])), 0.1)[1].round(4))
    [ 1.     -0.9048]
    """
    if hasattr(system, "to_discrete"):
        return system.to_discrete(dt, method, alpha)
    arrays, _ = arrays_of("cont2discrete", system, False)
    found = _discretised(space_of(arrays), dt, method, alpha)
    if len(arrays) == 4:
        return (*found, dt)
    return (*(rep.ss2tf if len(arrays) == 2 else rep.ss2zpk)(*found), dt)


def _discretised(space: Any, dt: Any, method: str, alpha: Any) -> tuple[Any, Any, Any, Any]:
    a, b, c, d = space
    weights = {"bilinear": 0.5, "tustin": 0.5, "euler": 0.0, "forward_diff": 0.0,
               "backward_diff": 1.0}  # fmt: skip
    n, m = shape_of(b)
    if method in weights or method == "gbt":
        alpha = weights.get(method, alpha)
        if alpha is None:
            raise ValueError("cont2discrete: method 'gbt' needs alpha: got None; write alpha=0.5")
        left, right = np.eye(n) - alpha * dt * a, np.eye(n) + (1.0 - alpha) * dt * a
        moved = np.linalg.solve(left, dt * b)
        out = np.linalg.solve(left.T, c.T).T
        return np.linalg.solve(left, right), moved, out, d + alpha * (c @ moved)
    if method == "zoh":
        whole = expm(dt * blocks([[a, b], [None, None]], (n, m), (n, m)))[:n]
        return whole[:, :n], whole[:, n:], c, d
    if method == "foh":
        rows = [[a * dt, b * dt, None], [None, None, np.eye(m)], [None, None, None]]
        whole = expm(blocks(rows, (n, m, m), (n, m, m)))[:n]
        step, late = whole[:, :n], whole[:, n + m :]
        return step, whole[:, n : n + m] - late + step @ late, c, d + c @ late
    if method == "impulse":
        step = expm(a * dt)
        return step, step @ b * dt, c, c @ b * dt
    raise ValueError(f"cont2discrete: method must be 'zoh', 'foh', 'impulse', 'gbt', 'bilinear', "
                     f"'euler' or 'backward_diff': got {shown(method)}")  # fmt: skip


def blocks(rows: Any, heights: tuple[int, ...], widths: tuple[int, ...]) -> Any:
    """A matrix of blocks, None for zeros."""
    filled = [
        np.concatenate(
            [np.zeros((h, w)) if x is None else x for x, w in zip(row, widths, strict=True)], axis=1
        )
        for row, h in zip(rows, heights, strict=True)
    ]
    return np.concatenate(filled)
