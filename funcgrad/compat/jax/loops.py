"""``scan``, ``while_loop`` and ``fori_loop``: the carry keeps weak types.

A Python scalar in the carry is an array of JAX's default dtype, with the mark of a weak type. A
step is traced once, and again only where it gives such a leaf another dtype: nested loops would
else be traced exponentially often in their depth.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import lax as ours
from ...core import tree
from ...core.avals import aval_of, is_arraylike
from ...core.errors import FuncgradError
from ...core.trace import Tracer
from ...ops.structure import cast
from .arrays import lowered, lowered_leaf, own, raised
from .config import canonicalize_dtype, default_dtype
from .promotion import common_dtype, kind_of
from .scalars import dtype_in
from .weak_types import PYTHON, is_weak


class _OtherDtypesError(FuncgradError):
    """A step gives weak leaves of the carry other dtypes."""

    def __init__(self, dtypes: dict[int, np.dtype[Any]]) -> None:
        super().__init__("a step changes dtypes of the carry")
        self.dtypes = dtypes


class _Loop:
    """The initial carry of a loop, and which leaves of it and of its results are weak."""

    def __init__(self, init: Any) -> None:
        leaves, self.tree = tree.flatten(dtype_in(init))
        self.weak = list(map(is_weak, leaves))
        self.init = [_strong(x) if w else x for x, w in zip(leaves, self.weak, strict=True)]
        self.kept = self.weak  # which leaves are weak after a step too
        self.rows: list[bool] = []  # which leaves of the stacked results are weak

    def run(self, loop: Callable[[Any], Any]) -> Any:
        """The result of a loop on the initial carry, staged until its dtypes are settled."""
        while True:
            try:
                with np.errstate(all="ignore"):
                    return loop(lowered(tree.unflatten(self.tree, self.init)))
            except _OtherDtypesError as found:
                for i, dtype in found.dtypes.items():
                    x = lowered_leaf(self.init[i])
                    self.init[i] = cast(x, dtype) if isinstance(x, Tracer) else x.astype(dtype)
                    self.weak[i] = False

    def enter(self, carry: Any) -> Any:
        """The carry as the user's function sees it."""
        return _marked(raised(carry), self.weak)

    def leave(self, carry: Any) -> Any:
        """The carry that a step of the user's function returns, lowered."""
        leaves, treedef = tree.flatten(carry)
        if treedef == self.tree:
            pairs = zip(leaves, self.init, self.weak, strict=True)
            new = {i: _common(x, y) for i, (y, x, weak) in enumerate(pairs) if weak}
            new = {i: d for i, d in new.items() if d != self.init[i].dtype}
            if new:
                raise _OtherDtypesError(new)
            self.kept = [a and is_weak(y) for a, y in zip(self.weak, leaves, strict=True)]
        return lowered(carry)

    def row(self, y: Any) -> Any:
        """A result of a step that a scan stacks, lowered."""
        self.rows = list(map(is_weak, tree.leaves(y)))
        return lowered(y)


def _strong(x: Any) -> Any:
    """A weak leaf of a carry as an array, or a tracer of one, of JAX's dtype."""
    if type(x) in PYTHON:
        return np.asarray(x, default_dtype({int: "i", float: "f", complex: "c"}[type(x)]))
    x = own(x)
    return cast(x, canonicalize_dtype(x.dtype)) if aval_of(x).weak else x


def _common(x: Any, y: Any) -> np.dtype[Any]:
    """The dtype that a weak leaf of the carry needs where a step gives y for it."""
    low = lowered_leaf(y)
    if not is_arraylike(low):
        return x.dtype  # type: ignore[no-any-return]
    found = common_dtype([x, low], [True, is_weak(y)])
    rank = max(kind_of(x)[1], kind_of(low)[1])
    return default_dtype("bifc"[rank]) if found is None else found


def _marked(value: Any, weak: list[bool]) -> Any:
    for leaf, flag in zip(tree.leaves(value), weak, strict=True):
        if flag:
            leaf.weak = True
    return value


def while_loop(
    cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any, **options: Any
) -> Any:
    """See funcgrad.lax.while_loop."""
    carry = _Loop(init_val)
    goes_on = functools.wraps(cond_fun)(lambda c: lowered(cond_fun(carry.enter(c))))
    step = functools.wraps(body_fun)(lambda c: carry.leave(body_fun(carry.enter(c))))
    found = carry.run(lambda init: ours.while_loop(goes_on, step, init, **options))
    return _marked(raised(found), carry.kept)


def fori_loop(
    lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any, **options: Any
) -> Any:
    """See funcgrad.lax.fori_loop."""
    carry, (low, high) = _Loop(init_val), lowered((dtype_in(lower), dtype_in(upper)))
    step = functools.wraps(body_fun)(lambda i, c: carry.leave(body_fun(raised(i), carry.enter(c))))
    found = carry.run(lambda init: ours.fori_loop(low, high, step, init, **options))
    return _marked(raised(found), carry.kept)


def scan(
    f: Callable[..., Any], init: Any, xs: Any = None, length: int | None = None,
    reverse: bool = False, unroll: int | bool = 1, _split_transpose: bool = False, **options: Any,
) -> Any:  # fmt: skip
    """See funcgrad.lax.scan."""
    carry, rows, among = _Loop(init), lowered(xs), list(map(is_weak, tree.leaves(xs)))

    @functools.wraps(f)
    def step(c: Any, x: Any) -> Any:
        found = f(carry.enter(c), _marked(raised(x), among))
        if not (isinstance(found, (tuple, list)) and len(found) == 2):
            return lowered(found)
        return carry.leave(found[0]), carry.row(found[1])

    loop = lambda init: ours.scan(step, init, rows, length, reverse, unroll, **options)
    last, stacked = carry.run(loop)
    return _marked(raised(last), carry.kept), _marked(raised(stacked), carry.rows)
