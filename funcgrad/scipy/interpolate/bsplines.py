"""B-splines, and interpolation by them."""

from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError, UnsupportedError, shown
from ...core.lazy import answering
from ...core.nodes import register_node
from ...core.outline import outline
from ...ops.operand import operand
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ..floating import as_floating
from .piecewise import gathered, placed


@answering
class BSpline:
    """The spline sum_j c[j] B_j of degree k over knots.

    Args:
        t: knots, ascending, shape [n + k + 1].
        c: coefficients, shape [>= n, ...].
        k: int, the degree.
        extrapolate: whether to use the first and last polynomial outside; False for nan there.
        axis: the axis of c along which the coefficients are.

    Source: de Boor 1978, "A practical guide to splines", chapter X.

    >>> print(BSpline(np.array([0.0, 0.0, 1.0, 1.0]), np.array([2.0, 4.0]), 1)(0.5))
    3.0
    """

    def __init__(self, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0) -> None:
        self.t, self.k, self.extrapolate, self.axis = as_floating(t), int(k), extrapolate, axis
        self.c = np.moveaxis(as_floating(c), axis, 0) if axis else as_floating(c)
        n = shape_of(self.t)[0] - self.k - 1
        if self.k < 0 or n < self.k + 1 or shape_of(self.c)[0] < n:
            raise ShapeError(
                f"BSpline: there must be at least 2 k + 2 knots, and a coefficient for all but the "
                f"last k + 1: got {aval_of(self.t)} and {aval_of(self.c)} for k = {self.k}"
            )
        if isinstance(extrapolate, str):
            raise UnsupportedError(
                f"BSpline: extrapolate must be a bool: got {shown(extrapolate)}; use CubicSpline"
            )

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return "BSpline", [("t", self.t), ("c", self.c), ("k", self.k)]

    __repr__ = outline

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        """The value, or derivative ``nu``, at places of any shape."""
        if nu:
            return self.derivative(nu)(x, 0, extrapolate)
        at = as_floating(x)
        flat, k = np.reshape(at, (-1,)), self.k
        n = shape_of(self.t)[0] - k - 1
        i = np.searchsorted(stop_gradient(self.t), stop_gradient(flat), side="right") - 1
        i = np.clip(i, k, n - 1)
        rank = len(shape_of(self.c)) - 1
        wide = lambda v: np.reshape(v, (-1, *[1] * rank))
        rows = [gathered(self.c, i - k + j) for j in range(k + 1)]
        for r in range(1, k + 1):
            for j in range(k, r - 1, -1):
                low, high = gathered(self.t, i - k + j), gathered(self.t, i + 1 + j - r)
                gap = high - low
                share = (flat - low) / np.where(gap == 0, 1.0, gap)
                share = wide(np.where(gap == 0, 0.0, share))
                rows[j] = (1 - share) * rows[j - 1] + share * rows[j]
        total = rows[k]
        if not (self.extrapolate if extrapolate is None else extrapolate):
            outside = np.logical_or(flat < self.t[k], flat > self.t[n])
            total = np.where(wide(outside), np.nan, total)
        total = np.reshape(total, (*shape_of(at), *shape_of(self.c)[1:]))
        return placed(total, len(shape_of(at)), self.axis)

    def _with(self, t: Any, c: Any, k: int) -> "BSpline":
        made = BSpline(t, c, k, self.extrapolate)
        made.axis = self.axis
        return made

    def derivative(self, nu: int = 1) -> "BSpline":
        """The derivative ``nu`` as a spline of lower degree."""
        t, c, k = self.t, self.c, self.k
        for _ in range(nu):
            n = shape_of(t)[0] - k - 1
            if k == 0:
                c = c * 0
                continue
            gap = t[k + 1 : n + k] - t[1:n]
            share = k / np.where(gap == 0, 1.0, gap) * (gap != 0)
            c = np.diff(c[:n], axis=0) * np.reshape(share, (-1, *[1] * (len(shape_of(c)) - 1)))
            t, k = t[1:-1], k - 1
        return self._with(t, c, k)

    def antiderivative(self, nu: int = 1) -> "BSpline":
        """The antiderivative that is 0 at the first knot of the base interval."""
        t, c, k = self.t, self.c, self.k
        for _ in range(nu):
            n = shape_of(t)[0] - k - 1
            gap = np.reshape(t[k + 1 :] - t[:n], (-1, *[1] * (len(shape_of(c)) - 1)))
            sums = np.cumsum(c[:n] * gap, axis=0) / (k + 1)
            c = np.concatenate([sums[:1] * 0, sums])
            t, k = np.concatenate([t[:1], t, t[-1:]]), k + 1
        return self._with(t, c, k)

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        """The integral from ``a`` to ``b``."""
        whole = self.antiderivative()
        return whole(b, extrapolate=extrapolate) - whole(a, extrapolate=extrapolate)


@answering
def make_interp_spline(
    x: Any, y: Any, k: int = 3, t: Any = None, bc_type: Any = None, axis: int = 0,
    check_finite: bool = True,
) -> BSpline:  # fmt: skip
    """The spline of degree ``k`` through samples.

    Args:
        x: places, strictly ascending, shape [n].
        y: values, shape [..., n, ...].
        k: int, the degree.
        t: knots, by default those of "not-a-knot".
        bc_type: None or "not-a-knot"; "natural", "clamped", or a pair of them, for both ends; or a
            pair of lists of (order, value) of derivatives.
        axis: the axis of n.
        check_finite: ignored, for compatibility with SciPy.

    >>> print(make_interp_spline(np.arange(4.0), np.arange(4.0) ** 3)(2.5).round(9))
    15.625
    """
    x, y = as_floating(x), as_floating(y)
    axis = axis % len(shape_of(y))
    y = np.moveaxis(y, axis, 0)
    n = shape_of(x)[0]
    if shape_of(y)[0] != n:
        raise ShapeError(
            f"make_interp_spline: x and y must have equal lengths: got {aval_of(x)} and "
            f"{aval_of(y)}, with the axis of samples first"
        )
    left, right = _derivatives(bc_type, k)
    if t is None:
        t = _knots(x, k) if not (left or right) else _repeated(x, k)
    t = as_floating(t)
    size = shape_of(t)[0] - k - 1
    if size != n + len(left) + len(right):
        raise ShapeError(
            f"make_interp_spline: {size} coefficients need as many conditions: got {n} samples and "
            f"{len(left) + len(right)} derivatives"
        )
    basis = BSpline(t, np.eye(size), k)
    ends = [(o, v, x[0]) for o, v in left], [(o, v, x[-1]) for o, v in right]
    rows = [basis(at, o)[None] for o, _, at in ends[0]]
    rows += [basis(x)]
    rows += [basis(at, o)[None] for o, _, at in ends[1]]
    spread = lambda v: np.broadcast_to(cast(operand(v), dtype_of(y)), shape_of(y)[1:])[None]
    values = [spread(v) for _, v, _ in ends[0]] + [y] + [spread(v) for _, v, _ in ends[1]]
    right_side = np.concatenate(values)
    c = np.linalg.solve(np.concatenate(rows), np.reshape(right_side, (size, -1)))
    made = BSpline(t, np.reshape(c, (size, *shape_of(y)[1:])), k)
    made.axis = axis
    return made


def _derivatives(bc_type: Any, k: int) -> tuple[list[Any], list[Any]]:
    """The orders and values of derivatives at both ends."""
    if bc_type is None or (isinstance(bc_type, str) and bc_type == "not-a-knot"):
        return [], []
    names = {"natural": [(2, 0.0)], "clamped": [(1, 0.0)], None: [], "not-a-knot": []}
    pair = [bc_type] * 2 if isinstance(bc_type, str) else list(bc_type)
    known = lambda end: not isinstance(end, str) or end in names
    if len(pair) != 2 or not all(map(known, pair)):
        raise ValueError(
            f"make_interp_spline: bc_type must be 'not-a-knot', 'natural', 'clamped' or a pair of "
            f"lists of (order, value): got {shown(bc_type)}"
        )
    left, right = (names[e] if e is None or isinstance(e, str) else list(e) for e in pair)
    return left, right


def _knots(x: Any, k: int) -> Any:
    """The knots of a spline without conditions at the ends."""
    if k == 0:
        return np.concatenate([x, x[-1:]])
    n = shape_of(x)[0]
    half = (k + 1) // 2 if k % 2 else k // 2
    inner = x if k % 2 else (x[1:] + x[:-1]) / 2
    inner = inner[half : shape_of(inner)[0] - half] if n > k + 1 else inner[:0]
    return np.concatenate([np.stack([x[0]] * (k + 1)), inner, np.stack([x[-1]] * (k + 1))])


def _repeated(x: Any, k: int) -> Any:
    return np.concatenate([np.stack([x[0]] * k), x, np.stack([x[-1]] * k)])


def _made(rest: Any, children: Any) -> BSpline:
    made = BSpline.__new__(BSpline)
    made.t, made.c = children
    made.k, made.extrapolate, made.axis = rest
    return made


register_node(BSpline, lambda s: ((s.t, s.c), (s.k, s.extrapolate, s.axis)), _made)
