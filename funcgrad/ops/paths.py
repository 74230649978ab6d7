"""Which elements of a tangent or cotangent lie on a path of the program.

A derivative is a sum over paths. An element that a selection did not take lies on none: it is 0,
and its product with inf or nan is 0 too. The rule of a primitive is ``on_paths(args, live,
**params) -> outs, live``. ``live`` has for each operand a mask of the elements that lie on a path,
None for an operand without mask; the rule gives a mask for each output. An element of an operand
without mask lies on a path where it is not 0.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..core.registry import primitives
from ..core.trace import Tracer

Masked = tuple[Sequence[Any], Sequence[Any]]  # outputs, and their masks

UNTHREADED = 8192  # elements; above it BLAS starts threads, and a fork at that time hangs
_COUNTS = np.dtype(np.float64)  # exact for every possible number of elements


def path_mask(x: Any, live: Any) -> Any:
    """The mask of an operand; for one without mask, where it is not 0."""
    return primitives["ne"](x, 0) if live is None else live


def may_hold(mask: Any) -> bool:
    """Whether a mask may hold anywhere: True for a tracer."""
    return isinstance(mask, Tracer) or bool(np.any(mask))


def any_mask(masks: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """The union of masks, broadcast to a shape."""
    if len(masks) == 1 and shape_of(masks[0]) == shape:
        return masks[0]
    total: Any = np.zeros(shape, bool)
    for mask in masks:
        total = primitives["logical_or"](total, mask)
    return total


def reached_mask(prim: Any, live: Any, *others: Any, **params: Any) -> Any:
    """The mask of the result of a linear map without negative coefficients."""
    counts = primitives["convert"](live, dtype=_COUNTS)
    return primitives["ne"](prim(counts, *others, **params), 0)


def any_along(live: Any, axes: Sequence[int]) -> Any:
    """``any`` of a mask along axes, which keep length 1."""
    axes = tuple(axes)
    shape = tuple(1 if d in axes else n for d, n in enumerate(shape_of(live)))
    return primitives["reshape"](primitives["any"](live, axes=axes), shape=shape)


def product_on_paths(prim: Any, args: Sequence[Any], live: Sequence[Any], **params: Any) -> Masked:
    """A sum of products without the terms in which an element lies on no path.

    ``prim`` is linear in each operand, and one of the operands has a mask.
    """
    (i,) = (i for i, mask in enumerate(live) if mask is not None)
    place = lambda own, others: [own if j == i else x for j, x in enumerate(others)]
    isfinite, where, ne = (primitives[name] for name in ("isfinite", "where", "ne"))
    finite = [isfinite(x) for x in args]
    counts = primitives["convert"](live[i], dtype=_COUNTS)
    whole = prim(*place(counts, [np.ones(shape_of(x)) for x in args]), **params)
    met = prim(*place(counts, [primitives["convert"](f, dtype=_COUNTS) for f in finite]), **params)
    y = prim(*place(args[i], [where(f, x, 0) for f, x in zip(finite, args, strict=True)]), **params)
    # where an element on a path meets inf or nan, the sum is over all terms
    y = where(ne(whole, met), primitives["convert"](prim(*args, **params), dtype=dtype_of(y)), y)
    return (y,), (ne(whole, 0),)


# the rule for abstract values: ``gaps(gaps, ins, **params) -> gaps, risky``

Gaps = tuple[Sequence[bool | None], bool]


def sum_may_have_gaps(gaps: Sequence[bool | None]) -> bool:
    """Whether a sum of operands may have gaps: no, if one of them has none."""
    return not any(gap is False for gap in gaps)


def is_harmless(atom: Any, divides: bool = False) -> bool:
    """Whether 0 times a factor, or 0 over a divisor, is known to be 0."""
    if atom.aval.dtype.kind in "biu" and not divides:
        return True
    value = getattr(atom, "value", None)
    return value is not None and bool(np.isfinite(value)) and not (divides and value == 0)


def are_finite(values: Sequence[Any]) -> bool:
    """Whether all elements are finite; abstract values count as finite.

    NumPy's warnings should be off.
    """
    known = [x for x in map(_concrete_value, values) if x is not None]
    return are_finite_arrays(known) or all(bool(np.isfinite(x).all()) for x in known)


def are_finite_arrays(values: Sequence[Any]) -> bool:
    """Whether all values are plain arrays and finite, by a fast test that may give False."""
    total: Any = 0.0
    for x in values:
        if type(x) is not np.ndarray and type(x) is not np.float64:
            return False
        # a dot product is faster than a comparison of each element
        if x.size <= UNTHREADED:
            flat: Any = x if x.ndim == 1 else x.ravel("K")
            total += flat.dot(flat)  # vdot takes 1.4 times as long
        elif not np.isfinite(x).all():
            return False
    return math.isfinite(total.real)


def _concrete_value(x: Any) -> Any:
    """The concrete value of a tracer, None if it is abstract."""
    while isinstance(x, Tracer):
        x = getattr(x, "value", None)
    return x
