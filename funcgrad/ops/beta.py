"""The beta function and its logarithm.

Where an argument is 8 or more, ``betaln`` takes the difference of Stirling's formulas in closed
form, in which nothing cancels (Didonato & Morris 1992, "Algorithm 708", section 4).
"""

from typing import Any

import numpy as np

from .elementwise import mul, neg
from .gamma import (
    HALF_LOG_TAU,
    gamma_of,
    gammaln_of,
    gammaln_positive,
    gammasgn_of,
    no_order,
    polygamma,
    polygamma_of,
    stirling,
)
from .kernels import by_blocks
from .pointwise import Elementwise


def betaln_of(a: Any, b: Any) -> Any:
    a, b = np.minimum(a, b), np.maximum(a, b)
    y = gammaln_of(a) + gammaln_of(b) - gammaln_of(a + b)
    k = np.flatnonzero((a > 0) & (b >= 8))
    y[k] = _betaln_large(a[k], b[k])
    return y


def _betaln_large(a: Any, b: Any) -> Any:
    """Return betaln for 0 < a <= b, 8 <= b."""
    rest = (b - 0.5) * np.log1p(a / b) + stirling(a + b) - stirling(b)
    y = gammaln_positive(a) - a * (np.log(a + b) - 1) - rest
    k = np.flatnonzero(a >= 8)
    a, b = a[k], b[k]
    start = HALF_LOG_TAU - 0.5 * np.log(a + b) - (a - 0.5) * np.log1p(b / a)
    y[k] = start - rest[k] + stirling(a)
    return y


def beta_of(a: Any, b: Any) -> Any:
    low, high = np.minimum(a, b), np.maximum(a, b)
    y = gamma_of(low) / gamma_of(a + b) * gamma_of(high)
    k = np.flatnonzero((low > 0) & (high >= 8))
    y[k] = np.exp(_betaln_large(low[k], high[k]))
    k = np.flatnonzero((low < 0) & (np.maximum(np.abs(low), np.abs(high)) > 80))
    a, b = a[k], b[k]
    y[k] = gammasgn_of(a) * gammasgn_of(b) * gammasgn_of(a + b) * np.exp(betaln_of(a, b))
    return y


def _polygamma_difference(n: Any, a: Any, b: Any) -> Any:
    """Return polygamma(n, a) - polygamma(n, a + b), for small b by Taylor's series."""
    y = polygamma_of(n, a) - polygamma_of(n, a + b)
    near = np.flatnonzero((a > 0) & (np.abs(b) < 0.05 * a))
    n, a, b = n[near], a[near], b[near]
    step, total = np.ones_like(b), np.zeros_like(b)
    for k in range(1, 14):
        step = step * b / k
        total -= step * polygamma_of(n + k, a)
    y[near] = total
    return y


# rules name these before their own rows
polygamma_difference: Elementwise

# fmt: off
beta   = Elementwise("beta", by_blocks(beta_of),
                     lambda t, y, a, b: mul(t, mul(y, polygamma_difference(0, a, b))),
                     lambda t, y, a, b: mul(t, mul(y, polygamma_difference(0, b, a))))
betaln = Elementwise("betaln", by_blocks(betaln_of),
                     lambda t, y, a, b: mul(t, polygamma_difference(0, a, b)),
                     lambda t, y, a, b: mul(t, polygamma_difference(0, b, a)))
polygamma_difference = Elementwise("polygamma_difference", by_blocks(_polygamma_difference),
    no_order("polygamma_difference", "n"),
    lambda t, y, n, a, b: mul(t, polygamma_difference(n + 1, a, b)),
    lambda t, y, n, a, b: neg(mul(t, polygamma(n + 1, a + b))))
# fmt: on
