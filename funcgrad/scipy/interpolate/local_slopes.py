"""Piecewise cubics whose slopes follow the nearest samples."""

from typing import Any

import numpy as np

from ...core.avals import shape_of
from ...core.lazy import answering
from ...core.nodes import register_node
from ...ops.stop_gradient import stop_gradient
from .piecewise import Cubic, flattened, rebuilt, samples_of


@answering
class PchipInterpolator(Cubic):
    """The piecewise cubic that is monotonic where the values are.

    Args:
        x, y, axis, extrapolate: see :class:`CubicHermiteSpline`.

    Source: Fritsch & Butland 1984, "A method for constructing local monotone piecewise cubic
    interpolants" (SIAM J. Sci. Stat. Comput. 5).

    >>> print(PchipInterpolator(np.arange(3.0), np.array([0.0, 1.0, 4.0]))(1.5).round(6))
    2.1875
    """

    def __init__(self, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:
        x, y, axis = samples_of("PchipInterpolator", x, y, axis)
        super().__init__(x, y, _monotonic(x, y), axis, extrapolate)


@answering
def pchip_interpolate(xi: Any, yi: Any, x: Any, der: int = 0, axis: int = 0) -> Any:
    """The values, or derivatives, of :class:`PchipInterpolator`.

    >>> print(pchip_interpolate(np.arange(3.0), np.array([0.0, 1.0, 4.0]), 1.0))
    1.0
    """
    return PchipInterpolator(xi, yi, axis)(x, der)


def _monotonic(x: Any, y: Any) -> Any:
    h = np.reshape(np.diff(x), (-1, *[1] * (len(shape_of(y)) - 1)))
    m = np.diff(y, axis=0) / h
    if shape_of(x)[0] == 2:
        return np.concatenate([m, m])
    flat = np.logical_or(np.sign(m[1:]) != np.sign(m[:-1]), np.logical_or(m[1:] == 0, m[:-1] == 0))
    left, right = np.where(flat, 1.0, m[:-1]), np.where(flat, 1.0, m[1:])
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    inner = np.where(flat, 0.0, (w1 + w2) / (w1 / left + w2 / right))
    first, last = _edge(h[0], h[1], m[0], m[1]), _edge(h[-1], h[-2], m[-1], m[-2])
    return np.concatenate([first[None], inner, last[None]])


def _edge(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    """The slope at an end, by the parabola through three points, made monotonic."""
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    steep = np.logical_and(np.sign(m0) != np.sign(m1), np.abs(d) > 3 * np.abs(m0))
    return np.where(np.sign(d) != np.sign(m0), 0.0, np.where(steep, 3 * m0, d))


@answering
class Akima1DInterpolator(Cubic):
    """Akima's piecewise cubic, whose slopes follow the nearest samples.

    Args:
        x, y, axis, extrapolate: see :class:`CubicHermiteSpline`; by default nan outside.
        method: "akima", or "makima", which overshoots less where samples are equal.

    Source: Akima 1970, "A new method of interpolation and smooth curve fitting based on local
    procedures" (J. ACM 17); the weights of "makima" are those of MATLAB.

    >>> print(Akima1DInterpolator(np.arange(5.0), np.arange(5.0) ** 2)(1.5))
    2.25
    """

    def __init__(
        self, x: Any, y: Any, axis: int = 0, *, method: str = "akima", extrapolate: Any = False
    ) -> None:
        if method not in ("akima", "makima"):
            raise ValueError(
                f"Akima1DInterpolator: method must be 'akima' or 'makima': got {method!r}; "
                f"use 'akima'"
            )
        x, y, axis = samples_of("Akima1DInterpolator", x, y, axis)
        given = False if extrapolate is None else extrapolate
        super().__init__(x, y, _akima(x, y, method == "makima"), axis, given)


def _akima(x: Any, y: Any, modified: bool) -> Any:
    h = np.reshape(np.diff(x), (-1, *[1] * (len(shape_of(y)) - 1)))
    m = np.diff(y, axis=0) / h
    if shape_of(x)[0] == 2:
        return np.concatenate([m, m])
    before = 2 * m[0] - m[1]
    after = 2 * m[-1] - m[-2]
    ends = [2 * before - m[0], before], [after, 2 * after - m[-1]]
    m = np.concatenate([np.stack(ends[0]), m, np.stack(ends[1])])
    gap = np.abs(np.diff(m, axis=0))
    gap = gap + np.abs(m[1:] + m[:-1]) / 2 if modified else gap
    total = gap[2:] + gap[:-2]
    small = total <= 1e-9 * np.max(stop_gradient(total), initial=0.0)
    weighted = gap[2:] * m[1:-2] + gap[:-2] * m[2:-1]
    return np.where(small, (m[1:-2] + m[2:-1]) / 2, weighted / np.where(small, 1.0, total))


for _kind in (PchipInterpolator, Akima1DInterpolator):
    register_node(_kind, flattened, rebuilt(_kind))
