"""``searchsorted``: indices into sorted arrays, without a derivative."""

from typing import Any

import numpy as np
from typing_extensions import override

from ..core.avals import Aval, shape_of
from ..core.companions import Codegen
from ..core.errors import ShapeError, shown
from ..core.trace import Primitive
from .index import ARRAY, Index, getitem_p
from .structure import Batched, axis_to_front, broadcast_to


class SearchSorted(Primitive, Codegen):
    """Where to insert ``v`` into ``a``, sorted along its last axis; leading axes are batch axes."""

    differentiable = False
    is_new = True

    @override
    def run(self, a: Any, v: Any, *, side: str) -> tuple[Any, ...]:
        lead = a.shape[:-1]
        if np.shape(v)[: len(lead)] != lead:
            raise ValueError("object too deep for desired array")  # infer gives a better message
        if not lead:
            return (np.searchsorted(a, v, side),)  # type: ignore[call-overload]
        y = np.empty(np.shape(v), np.intp)
        for i in np.ndindex(lead):
            y[i] = np.searchsorted(a[i], v[i], side)  # type: ignore[call-overload]
        return (y,)

    def in_c(self, w: Any, a: Any, v: Any, *, side: str) -> Any:
        return w.searchsorted(a, v, side)

    def decompose(self, a: Any, v: Any, *, side: str) -> Any:
        return (bisect(a, v, side),)

    @override
    def infer(self, a: Aval, v: Aval, *, side: str) -> tuple[Aval, ...]:
        if side not in ("left", "right"):
            raise ValueError(f"searchsorted: side must be 'left' or 'right': got {shown(side)}")
        lead = len(a.shape) - 1
        if lead < 0 or v.shape[:lead] != a.shape[:lead]:
            raise ShapeError(f"searchsorted: the array must have one axis: got {a}; flatten it")
        return (Aval(v.shape, np.dtype(np.intp)),)

    @override
    def batch(self, args: Any, axes: Any, size: int, /, *, side: str) -> Batched:
        if axes[0] is None and len(shape_of(args[0])) == 1:
            return self.bind(*args, side=side), (axes[1],)
        both = [
            broadcast_to(x, (size, *shape_of(x))) if axis is None else axis_to_front(x, axis)
            for x, axis in zip(args, axes, strict=True)
        ]
        return self.bind(*both, side=side), (0,)


def bisect(a: Any, v: Any, side: str) -> Any:
    """Where to insert ``v`` into ``a``, by bisection; nan is larger than all numbers."""
    (*lead, n), rank = shape_of(a), len(shape_of(v))
    grid = [np.arange(m).reshape([-1 if e == d else 1 for e in range(rank)])
            for d, m in enumerate(lead)]  # fmt: skip
    low, high = np.zeros(shape_of(v), np.intp), np.full(shape_of(v), n, np.intp)
    for _ in range(n.bit_length()):
        middle = (low + high) // 2
        here = np.minimum(middle, n - 1)
        x = getitem_p(a, *grid, here, index=Index([ARRAY] * (len(lead) + 1)))
        behind = _is_less(x, v) if side == "left" else np.logical_not(_is_less(v, x))
        behind = behind & (low < high)
        low, high = np.where(behind, middle + 1, low), np.where(behind, high, middle)
    return low


def _is_less(x: Any, y: Any) -> Any:
    return (x < y) | (np.isnan(y) & ~np.isnan(x))


searchsorted_p = SearchSorted("searchsorted")
