"""Linear interpolation between samples."""

from typing import Any

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.errors import DtypeError
from ..ops import compare, elementwise as ew
from ..ops.operand import operand, strong
from ..ops.search import searchsorted_p
from ..ops.structure import cast
from .aliasing import as_scalar, gives
from .dispatch import implements
from .indexing import getitem, known
from .joining import concatenate


@implements("interp")
@gives(as_scalar)
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """Linear interpolation; at a sample the derivative is that on its right; see numpy.interp."""
    x, xp, fp = (strong(operand(v)) for v in (x, xp, fp))
    for name, v in (("x", x), ("xp", xp)):
        # NumPy takes the real part of a scalar, and with a period, with a warning
        if ew.is_complex(v) and shape_of(v) and period is None:
            raise DtypeError(f"interp: {name} must be real: got {aval_of(v)}; write {name}.real")
    fp = cast(fp, np.complex128 if ew.is_complex(fp) else np.float64)
    x, xp = (cast(v, np.float64) for v in (x, xp))
    if len(shape_of(xp)) != 1 or len(shape_of(fp)) != 1:
        raise ValueError("Data points must be 1-D sequences")
    if shape_of(xp) != shape_of(fp):
        raise ValueError("fp and xp are not of the same length")
    if not shape_of(xp)[0]:
        raise ValueError("array of sample points is empty")
    if period is not None:
        if known(period) == 0:
            raise ValueError("period must be a non-zero value")
        period, left, right = abs(period), None, None
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = concatenate([fp[-1:], fp, fp[:1]])
    for name, v in (("left", left), ("right", right)):
        if v is not None and ew.is_complex(operand(v)) and not ew.is_complex(fp):
            raise DtypeError(f"interp: {name} must be real, as fp is: got {v!r}")
    y = _on_line(x, xp, fp)
    y = ew.where(compare.lt(x, xp[0]), fp[0] if left is None else operand(left), y)
    return ew.where(compare.gt(x, xp[-1]), fp[-1] if right is None else operand(right), y)


def _on_line(x: Any, xp: Any, fp: Any) -> Any:
    """Value at ``x`` of the line through the two neighbouring samples."""
    n = shape_of(xp)[0]
    if n == 1:
        return fp[0] + 0 * x
    count = searchsorted_p(xp, x, side="right")
    i = ew.clip(ew.sub(count, 1), 0, n - 2)
    (x0, y0), (x1, y1) = ([getitem(v, j) for v in (xp, fp)] for j in (i, i + 1))
    jump = compare.eq(x0, x1)  # of two equal samples at an end: no slope
    endless = compare.isinf(y0) | (compare.isinf(x0) & compare.isinf(x1))
    flat = jump | (compare.eq(y0, y1) & endless)
    slope = ew.where(flat, 0, y1 - y0) / ew.where(jump, 1, x1 - x0)
    # from the left sample, or from the right one if the left is infinite
    left = compare.isfinite(x0) & compare.isfinite(y0) | compare.logical_not(compare.isfinite(x1))
    left = left & compare.logical_not(jump)
    on = [compare.eq(x, end) & (compare.isinf(x) | compare.logical_not(compare.isfinite(slope)))
          for end in (x0, x1)]  # fmt: skip
    rest = on[0] | on[1] | flat
    line = ew.where(rest, 0, slope) * ew.where(rest, 0, x - ew.where(left, x0, x1))
    line = line + ew.where(left, y0, y1)
    return ew.where(compare.isnan(x), x, ew.where(on[1], y1, ew.where(on[0], y0, line)))
