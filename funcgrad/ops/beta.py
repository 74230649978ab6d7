"""The beta function and its logarithm.

Where an argument is 8 or more, ``betaln`` takes the difference of Stirling's formulas in closed
form, in which nothing cancels (Didonato & Morris 1992, "Algorithm 708", section 4).
"""

from typing import Any

import numpy as np

from .elementwise import mul, sub
from .gamma import (
    HALF_LOG_TAU,
    digamma,
    gamma_of,
    gammaln_of,
    gammaln_positive,
    gammasgn_of,
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


def _slope(a: Any, b: Any) -> Any:
    """Return the derivative of ``betaln`` in ``a``."""
    return sub(digamma(a), digamma(a + b))


# fmt: off
beta   = Elementwise("beta", by_blocks(beta_of),
                     lambda t, y, a, b: mul(t, mul(y, _slope(a, b))),
                     lambda t, y, a, b: mul(t, mul(y, _slope(b, a))))
betaln = Elementwise("betaln", by_blocks(betaln_of),
                     lambda t, y, a, b: mul(t, _slope(a, b)),
                     lambda t, y, a, b: mul(t, _slope(b, a)))
# fmt: on
