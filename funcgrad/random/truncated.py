"""The truncated normal distribution, accurate also far out in a tail."""

import math
from typing import Any

import numpy as np

from ..core.lazy import answering
from ..ops.compare import gt, lt
from ..ops.elementwise import (
    add,
    clip,
    div,
    exp,
    log,
    log1p,
    minimum,
    mul,
    neg,
    nextafter,
    sqrt,
    sub,
    where,
)
from ..ops.normal import erfcx
from ..ops.special import erf, erfinv
from .arguments import ShapeLike, check_order, common_shape, floating, known, parameter
from .draws import between, unit
from .keys import Key, check_single

ROOT_2 = math.sqrt(2)
TAIL = 3.0  # bound above which erf is too near 1


@answering
def truncated_normal(
    key: Key, lower: Any, upper: Any, shape: ShapeLike | None = None, dtype: Any = np.float32
) -> Any:
    """Samples from the standard normal distribution on (lower, upper).

    Args:
        key: a single key.
        lower: lower bound; it broadcasts to ``shape``.
        upper: upper bound; it broadcasts to ``shape``.
        shape: shape of the result; by default that of the bounds, broadcast.
        dtype: float16, float32 or float64.

    Raises:
        RangeError: if lower exceeds upper.

    The samples are differentiable in the bounds. If both exceed 3 on one side, the
    logarithm of the tail is used, which is as accurate for a bound of 100 as for one of 3.

    >>> from funcgrad.random import key
    >>> print(truncated_normal(key(0), -2.0, 2.0, (2,)).round(3))
    [-1.59  -1.828]
    """
    who = "random.truncated_normal"
    key, dtype = check_single(who, key), floating(who, dtype)
    lower = parameter(who, "lower", lower, dtype)
    upper = parameter(who, "upper", upper, dtype)
    shape = common_shape(who, shape, lower=lower, upper=upper)
    check_order(who, "lower", lower, "upper", upper)
    below, above = lt(upper, -TAIL), gt(lower, TAIL)
    far = known(below | above)
    if far is not None and not far.any():
        x = _central(key, shape, dtype, lower, upper)
    else:
        x = _anywhere(key, shape, dtype, lower, upper, below, above)
    # keep rounding inside the open interval
    return clip(x, nextafter(lower, np.inf), nextafter(upper, -np.inf))


def _central(key: Key, shape: Any, dtype: np.dtype, lower: Any, upper: Any) -> Any:
    u = between(key, shape, dtype, erf(div(lower, ROOT_2)), erf(div(upper, ROOT_2)))
    return mul(ROOT_2, erfinv(u))


def _anywhere(
    key: Key, shape: Any, dtype: np.dtype, lower: Any, upper: Any, below: Any, above: Any
) -> Any:
    """Samples between bounds that may lie in a tail; the lower tail is mirrored."""
    far = below | above
    one = dtype.type(1)
    near = where(far, -one, lower), where(far, one, upper)
    first = where(below, neg(upper), where(above, lower, one))
    last = where(below, neg(lower), where(above, upper, 2 * one))
    tail = _tail(unit(key, shape, dtype), first, last)
    return where(
        far,
        where(below, neg(tail), tail),
        _central(key, shape, dtype, *near),
    )


def _tail(u: Any, low: Any, high: Any) -> Any:
    """Quantile x >= low of u, for the distribution between two bounds in the upper tail.

    With Q the upper tail, log(Q(x) / Q(low)) = (low² - x²)/2 + log(q(x) / q(low)), where
    q(x) = erfcx(x / sqrt(2)). It is solved by Newton's method, which converges from above.
    """
    high = minimum(high, add(low, 40.0))  # the tail above is negligible
    scale = erfcx(div(low, ROOT_2))
    ratio = div(mul(exp(_half_difference(low, high)), erfcx(div(high, ROOT_2))), scale)
    wanted = log1p(neg(mul(u, sub(1.0, ratio))))
    rate = div(math.sqrt(2 / math.pi), scale)
    step = div(mul(wanted, -2.0), rate)
    x = add(low, div(step, add(1.0, sqrt(add(1.0, div(step, rate))))))
    for _ in range(4):
        q = erfcx(div(x, ROOT_2))
        excess = sub(add(_half_difference(low, x), log(div(q, scale))), wanted)
        x = add(x, mul(mul(excess, q), math.sqrt(math.pi / 2)))
    return x


def _half_difference(low: Any, x: Any) -> Any:
    """(low² - x²) / 2."""
    return mul(mul(sub(low, x), add(low, x)), 0.5)
