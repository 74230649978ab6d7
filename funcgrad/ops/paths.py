"""Which elements of a tangent or cotangent lie on a path of the program.

A derivative is a sum over paths. An element that a selection did not take lies on none: it is 0,
and stays 0 whatever it is multiplied by. The rule of a primitive for this,
``on_paths(args, live, **params) -> outs, live``, gets with each operand a mask of the elements
that lie on a path, None for an ordinary operand, and gives a mask with each output. An ordinary
operand that a linear primitive adds to these can only be 0, and where it is, it lies on no path.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import dtype_of, shape_of
from ..core.registry import primitives
from ..core.trace import Tracer

Masked = tuple[Sequence[Any], Sequence[Any]]  # outputs, and their masks

UNTHREADED = (
    8192  # elements: of more, BLAS starts threads, and a process that forks meanwhile hangs
)
_COUNTS = np.dtype(np.float64)  # exact for the number of elements that memory can hold


def path_mask(x: Any, live: Any) -> Any:
    """Return the mask of an operand; of an ordinary one, where it is not 0."""
    return primitives["ne"](x, 0) if live is None else live


def any_mask(masks: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Return where any of the masks is set, with this shape."""
    total = np.zeros(shape, bool)
    for mask in masks:
        total = primitives["logical_or"](total, mask)
    return total


def reached_mask(prim: Any, live: Any, *others: Any, **params: Any) -> Any:
    """Return which outputs of a linear map without negative coefficients a mask reaches."""
    counts = primitives["convert"](live, dtype=_COUNTS)
    return primitives["ne"](prim(counts, *others, **params), 0)


def any_along(live: Any, axes: Sequence[int]) -> Any:
    """Return a mask that is set along these axes wherever it is set at one place of them."""
    axes = tuple(axes)
    shape = tuple(1 if d in axes else n for d, n in enumerate(shape_of(live)))
    return primitives["reshape"](primitives["any"](live, axes=axes), shape=shape)


def product_on_paths(prim: Any, args: Sequence[Any], live: Sequence[Any], **params: Any) -> Masked:
    """Return a sum of products, of which the terms with an element on no path are left out.

    ``prim`` is linear in each operand, and one of them has a mask.
    """
    (i,) = (i for i, mask in enumerate(live) if mask is not None)
    place = lambda own, others: [own if j == i else x for j, x in enumerate(others)]
    isfinite, where, ne = (primitives[name] for name in ("isfinite", "where", "ne"))
    finite = [isfinite(x) for x in args]
    counts = primitives["convert"](live[i], dtype=_COUNTS)
    whole = prim(*place(counts, [np.ones(shape_of(x)) for x in args]), **params)
    met = prim(*place(counts, [primitives["convert"](f, dtype=_COUNTS) for f in finite]), **params)
    y = prim(*place(args[i], [where(f, x, 0) for f, x in zip(finite, args, strict=True)]), **params)
    # where an element on a path meets what is not finite, the sum is that of all terms
    y = where(ne(whole, met), primitives["convert"](prim(*args, **params), dtype=dtype_of(y)), y)
    return (y,), (ne(whole, 0),)


# what is known before there are values: ``gaps(gaps, ins, **params) -> gaps, risky``

Gaps = tuple[Sequence[bool | None], bool]


def sum_may_have_gaps(gaps: Sequence[bool | None]) -> bool:
    """Return whether a sum of some operands may have gaps: not where one of them has none."""
    return not any(gap is False for gap in gaps)


def is_harmless(atom: Any, divides: bool = False) -> bool:
    """Return whether a factor, or a divisor, is known to make 0 of 0."""
    if atom.aval.dtype.kind in "biu" and not divides:
        return True
    value = getattr(atom, "value", None)
    return value is not None and bool(np.isfinite(value)) and not (divides and value == 0)


def are_finite(values: Sequence[Any]) -> bool:
    """Return whether all elements of values are finite; of those that are not known, yes.

    NumPy's warnings should be off.
    """
    known = [x for x in map(_behind, values) if x is not None]
    return are_finite_arrays(known) or all(bool(np.isfinite(x).all()) for x in known)


def are_finite_arrays(values: Sequence[Any]) -> bool:
    """Return whether it is soon known that all values are arrays, none traced, and finite."""
    total: Any = 0.0
    for x in values:
        if type(x) is not np.ndarray and type(x) is not np.float64:
            return False
        # a product with itself is faster than a comparison of each element
        if x.size <= UNTHREADED:
            total += np.vdot(x, x)
        elif not np.isfinite(x).all():
            return False
    return math.isfinite(total.real)


def _behind(x: Any) -> Any:
    """Return the value under whatever transforms, None where there is none."""
    while isinstance(x, Tracer):
        x = getattr(x, "value", None)
    return x
