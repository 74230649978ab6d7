"""interp1d: interpolation of a function of one variable, by the name of older programs."""

from typing import Any

import numpy as np

from ...core.avals import aval_of, dtype_of, shape_of
from ...core.errors import ShapeError, shown
from ...core.lazy import answering
from ...core.nodes import register_node
from ...core.outline import outline
from ...core.trace import is_concrete
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from ..floating import as_floating
from .bsplines import make_interp_spline
from .piecewise import gathered, interval, placed

_DEGREES: dict[Any, Any] = {"slinear": 1, "linear": 1, "quadratic": 2, "cubic": 3}
_STEPS = ("nearest", "nearest-up", "previous", "next", "zero")


@answering
class interp1d:  # noqa: N801, SciPy's name
    """Interpolant of samples, differentiable in values and places, and in samples of splines.

    Args:
        x: places of the samples, shape [n].
        y: values, shape [..., n, ...].
        kind: "linear", "nearest", "nearest-up", "previous", "next", "zero", "slinear",
            "quadratic", "cubic", or the degree of a spline.
        axis: the axis of n.
        copy: ignored, for compatibility with SciPy.
        bounds_error: whether places outside are an error; by default unless they are extrapolated.
            Under jit and vmap they are not.
        fill_value: of places outside, or a pair of those below and above, or "extrapolate".
        assume_sorted: whether x ascends.

    >>> print(interp1d(np.arange(4.0), np.arange(4.0) ** 2)(1.5))
    2.5
    """

    def __init__(
        self, x: Any, y: Any, kind: str | int = "linear", axis: int = -1, copy: bool = True,
        bounds_error: bool | None = None, fill_value: Any = np.nan, assume_sorted: bool = False,
    ) -> None:  # fmt: skip
        x, y = as_floating(x), as_floating(y)
        self.axis = axis % max(len(shape_of(y)), 1)
        if not shape_of(y) or shape_of(x) != (shape_of(y)[self.axis],):
            raise ShapeError(
                f"interp1d: x must be [n] and y have n elements along axis {axis}: got "
                f"{aval_of(x)} and {aval_of(y)}"
            )
        if kind not in (*_DEGREES, *_STEPS) and not (type(kind) is int and kind >= 0):
            raise ValueError(
                f"interp1d: kind must be a degree or one of {', '.join((*_DEGREES, *_STEPS))}: got "
                f"{shown(kind)}"
            )
        y = np.moveaxis(y, self.axis, 0)
        if not assume_sorted:
            order = np.argsort(stop_gradient(x), kind="stable")
            x, y = gathered(x, order), gathered(y, order)
        self.x, self.y, self.kind = x, y, kind
        self.extrapolates = isinstance(fill_value, str) and fill_value == "extrapolate"
        self.bounds_error = not self.extrapolates if bounds_error is None else bounds_error
        self.fill_value = fill_value

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return type(self).__name__, [("x", self.x), ("y", self.y)]

    __repr__ = outline

    def __call__(self, x: Any) -> Any:
        """The values at places of any shape, with its axes in place of the axis of samples."""
        places = as_floating(x)
        flat = np.reshape(places, (-1,))
        degree = _DEGREES.get(self.kind, self.kind)
        if self.kind in _STEPS or degree == 0:
            found = gathered(self.y, self._step(flat))
        elif degree == 1:
            found = self._straight(flat)
        else:
            found = make_interp_spline(self.x, self.y, degree)(flat)
        if not self.extrapolates:
            found = self._filled(flat, found)
        shape = (*shape_of(places), *shape_of(self.y)[1:])
        return placed(np.reshape(found, shape), len(shape_of(places)), self.axis)

    def _straight(self, flat: Any) -> Any:
        i = interval(self.x, flat)
        column = lambda v: np.reshape(v, (-1, *[1] * (len(shape_of(self.y)) - 1)))
        low = gathered(self.y, i)
        slope = (gathered(self.y, i + 1) - low) / column(gathered(np.diff(self.x), i))
        return slope * column(flat - gathered(self.x, i)) + low

    def _step(self, flat: Any) -> Any:
        """The samples whose values the places have."""
        knots, at = stop_gradient(self.x), stop_gradient(flat)
        last = shape_of(knots)[0] - 1
        if self.kind == "next":
            return np.clip(np.searchsorted(knots, at), 0, last)
        if self.kind in ("nearest", "nearest-up"):
            middles = (knots[1:] + knots[:-1]) / 2
            if self.kind == "nearest":
                return np.searchsorted(middles, at)
            return np.searchsorted(middles, at, side="right")
        return np.clip(np.searchsorted(knots, at, side="right") - 1, 0, last)

    def _filled(self, flat: Any, found: Any) -> Any:
        """The values with those of places outside, which may be an error."""
        known = stop_gradient(flat)
        below, above = known < stop_gradient(self.x[0]), known > stop_gradient(self.x[-1])
        outside = np.logical_or(below, above)
        if self.bounds_error and is_concrete(outside) and np.any(np.asarray(outside)):
            raise ValueError(
                "interp1d: places must be between the samples: got one outside; pass "
                "fill_value='extrapolate'"
            )
        pair = self.fill_value if isinstance(self.fill_value, tuple) else (self.fill_value,) * 2
        for mask, value in zip((below, above), pair, strict=True):
            mask = np.reshape(mask, (-1, *[1] * (len(shape_of(found)) - 1)))
            found = np.where(mask, cast(as_floating(value), dtype_of(found)), found)
        return found


def _made(static: Any, children: Any) -> interp1d:
    made = object.__new__(interp1d)
    made.x, made.y = children
    made.kind, made.axis, made.bounds_error, made.extrapolates, made.fill_value = static
    return made


register_node(
    interp1d,
    lambda f: ((f.x, f.y), (f.kind, f.axis, f.bounds_error, f.extrapolates, f.fill_value)),
    _made,
)
