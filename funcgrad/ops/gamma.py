"""The gamma function, its logarithm, and their derivatives: digamma, polygamma, zeta.

The coefficients are fits by mpmath (interpolation at Chebyshev points, relative error below 1e-16)
of functions without their zeros and poles. From 8 on by Stirling's series, its remainder fitted in
1/x²; below 0 by reflection. Near the zeros of ``gammaln`` at 1 and 2 and of ``digamma`` at 1.46 the
relative error is small, near zeros below 0 the absolute error.

``zeta`` is by Euler-Maclaurin summation after 10 terms (DLMF 25.11.28).
"""

import math
from typing import Any

import numpy as np

from ..core.errors import UnsupportedError
from .elementwise import mul
from .families import Elementwise, NonDifferentiable
from .kernels import by_blocks, masked_update, polynomial, rational

HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


def from_nearest_integer(x: Any) -> Any:
    """x minus the nearest integer, exactly; 0 for inf."""
    return np.where(np.isinf(x), 0, x - np.rint(x))


def gammaln_near(w: Any) -> Any:
    """log(gamma(1 + w)) for w in [0, 2], accurate also near its zeros."""
    return w * (w - 1) * rational(GAMMALN_P, GAMMALN_Q, w)


def stirling(x: Any) -> Any:
    """The remainder of Stirling's formula for log(gamma(x)), x >= 8: about 1/(12 x)."""
    return polynomial(STIRLING, 1 / (x * x)) / x


def gammaln_positive(x: Any) -> Any:
    y = (x - 0.5) * (np.log(x) - 1) + (HALF_LOG_TAU - 0.5) + stirling(x)
    return masked_update(y, x < 8, _gammaln_below_8, x)


def _gammaln_below_8(v: Any) -> Any:
    w = np.where(v < 1, v, v - 1)  # log(gamma(v)) = log(gamma(1 + v)) - log(v)
    product = np.where(v < 1, v, 1)
    for _ in range(6):  # gamma(1 + w) = w gamma(w)
        high = w > 2
        product = product * np.where(high, w, 1)
        w = w - high
    return gammaln_near(w) + np.abs(np.log(product))


def gammaln_of(x: Any) -> Any:
    size = np.abs(x)
    y = gammaln_positive(size)

    def reflected(s: Any, y: Any) -> Any:
        sine = np.abs(np.sin(math.pi * from_nearest_integer(s)))
        return math.log(math.pi) - np.log(s) - np.log(sine) - y

    y = masked_update(y, x < 0, reflected, size, y)
    return masked_update(y, np.isinf(x), lambda: np.inf)


def gamma_positive(x: Any) -> Any:
    y = np.minimum(x, 180)  # above, the result is inf
    half = np.power(y, 0.5 * y - 0.25)  # half of the power, which would overflow
    y = half * np.exp(-y) * half * (math.sqrt(2 * math.pi) * np.exp(stirling(y)))
    return masked_update(y, x < 8, _gamma_below_8, x)


def _gamma_below_8(v: Any) -> Any:
    product = np.where(v < 2, 1 / v, 1)  # gamma(v) = gamma(v + 1) / v
    product = product / np.where(v < 1, 1 + v, 1)
    w = np.where(v < 1, v, np.where(v < 2, v - 1, v - 2))
    for _ in range(5):
        high = w >= 1
        product = product * np.where(high, w + 1, 1)
        w = w - high
    return rational(GAMMA_P, GAMMA_Q, w) * product


def gamma_of(x: Any) -> Any:
    size = np.abs(x)
    y = gamma_positive(size)

    def reflected(s: Any, y: Any) -> Any:
        d = from_nearest_integer(s)
        sine = np.where(np.mod(np.rint(s), 2) == 1, -1, 1) * np.sin(math.pi * d)
        return np.where(d == 0, np.nan, -math.pi / sine / (s * y))

    y = masked_update(y, x < 0, reflected, size, y)
    return np.where(x == 0, np.copysign(np.inf, x), y)


def gammasgn_of(x: Any) -> Any:
    odd = np.mod(np.floor(x), 2) == 1
    sign = np.where(np.signbit(x) & (odd | (x == 0)), -1.0, 1.0)
    pole = (x < 0) & (from_nearest_integer(x) == 0)
    return np.where(np.isnan(x) | pole, np.nan, sign)


def log_minus_digamma(x: Any) -> Any:
    """log(x) - digamma(x) for x >= 8."""
    v = 1 / (x * x)
    return 0.5 / x + v * polynomial(DIGAMMA_FAR, v)


def digamma_of(x: Any) -> Any:
    up = np.where(x < 0, 1 - x, x)
    y = np.log(up) - log_minus_digamma(up)

    def near(v: Any) -> Any:
        w = np.where(v < 1, v + 1, v) - ROOT[0] - ROOT[1]
        return w * rational(DIGAMMA_P, DIGAMMA_Q, w) - np.where(v < 1, 1 / v, 0)

    def reflected(x: Any, y: Any) -> Any:
        d = from_nearest_integer(x)
        return np.where(d == 0, np.nan, y - math.pi / np.tan(math.pi * d))

    y = masked_update(y, up < 8, near, up)
    return masked_update(y, x < 0, reflected, x, y)


def gammaln_of_float(x: float) -> float:
    """gammaln of a Python float."""
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):  # a pole, and a result that is too large
        return math.inf


def digamma_of_float(x: float) -> float:
    """digamma of a Python float, as ``digamma_of``."""
    if x < 0:
        d = math.remainder(x, 1.0) if x > -math.inf else 0.0
        return math.nan if d == 0 else digamma_of_float(1 - x) - math.pi / math.tan(math.pi * d)
    if not 0 < x < 8:
        return math.copysign(math.inf, -x) if x == 0 else math.log(x) - log_minus_digamma(x)
    w = (x + 1 if x < 1 else x) - ROOT[0] - ROOT[1]
    return w * rational(DIGAMMA_P, DIGAMMA_Q, w) - (1 / x if x < 1 else 0)


def zeta_of(s: Any, q: Any) -> Any:
    y = masked_update(zeta_positive(s, np.abs(q)), q < 0, _zeta_below, s, q)
    y = np.where((q <= 0) & (from_nearest_integer(q) == 0), np.inf, y)
    y = np.where(s < 1, np.nan, np.where(s == 1, np.inf, y))
    return np.where(np.isnan(s) | np.isnan(q), np.nan, y)


def zeta_positive(s: Any, q: Any) -> Any:
    w = q + 10
    power = np.power(w, -s)
    sum = 0.5 * power
    factor, v = s * power / w, 1 / (w * w)
    for k, c in enumerate(EULER_MACLAURIN):
        sum = sum + c * factor
        factor = factor * ((s + (2 * k + 1)) * (s + (2 * k + 2)) * v)
    sum = np.where(power == 0, 0, sum) + np.power(w, 1 - s) / (s - 1)
    for k in range(9, -1, -1):  # from the smallest term on
        sum = sum + np.power(q + k, -s)
    return sum


def _zeta_below(s: Any, q: Any) -> Any:
    """zeta for q < 0 and integer s: terms of d + k, where d is q minus the nearest integer."""
    d = from_nearest_integer(q)
    sign = np.where(np.mod(s, 2) == 1, -1, 1)
    more = q < d  # whether there are terms below the nearest integer
    term = lambda x: np.where(x < 0, sign, 1) * np.power(np.abs(x), -s)
    before = np.where(more, term(d - 1), 0)
    others = zeta_positive(s, 2 - d) - zeta_positive(s, 1 - q)
    rest = zeta_positive(s, 2 + d) + np.where(more, sign * others, 0)
    pair = term(d) + np.where(d < 0, term(1 + d), before)  # these two may cancel
    rest = rest + np.where(d < 0, before, term(1 + d))
    return np.where(from_nearest_integer(s) == 0, pair + rest, np.nan)


def polygamma_of(n: Any, x: Any) -> Any:
    sign = np.where(np.mod(n, 2) == 1, 1, -1)
    sum = zeta_of(n + 1, x)
    y = sign * gamma_positive(n + 1) * sum
    far = lambda n, sign, sum: sign * np.exp(gammaln_positive(n + 1) + np.log(sum))
    y = masked_update(y, n > 160, far, n, sign, sum)
    y = masked_update(y, n == 0, digamma_of, x)
    return np.where((n < 0) | (from_nearest_integer(n) != 0), np.nan, y)


def no_derivative_in(name: str, what: str) -> Any:
    """The rule of an operand without a known derivative, which raises."""

    def rule(t: Any, y: Any, *xs: Any) -> Any:
        raise UnsupportedError(
            f"{name}: it has no derivative in {what}: only in its last argument; "
            f"use stop_gradient on {what}"
        )

    return rule


# the rules above use these names
digamma: Elementwise
polygamma: Elementwise
zeta: Elementwise

# fmt: off
GAMMALN_P = (-3.4387534246231254e-08, 5.152191194029259e-06, 0.0012144645025018563,
    0.02934996892711011, 0.2489515203019172, 0.9583772627767942, 1.8195310986608273,
    1.6573859915112124, 0.5772156649015329)
GAMMALN_Q = (0.00034666036878764635, 0.013462840310043222, 0.1693844804533058, 0.961953097690663,
    2.7922148253073, 4.283498617926743, 3.2962330645658335, 1.0)
GAMMA_P = (1.918340031623892e-05, 0.00030830052988270945, 0.0023710644575803018,
    0.01573742145972096, 0.0689605679049506, 0.2568351935089876, 0.5840487324241667, 1.0)
GAMMA_Q = (0.00022696000135530046, -0.0032629234044515513, 0.013769324362191826,
    0.015327671473543759, -0.22318519791553146, 0.16126439732569464, 1.0)
STIRLING = (-0.0208558208374586, 0.006208136766229528, -0.0019149659121629008,
    0.0008417325268022404, -0.0005952380234291254, 0.0007936507935117282, -0.0027777777777776747,
    0.08333333333333333)
DIGAMMA_P = (-4.942796724995093e-14, 2.9281812903332605e-11, 4.5433733142479544e-08,
    5.366226067621113e-06, 0.00022398078186617796, 0.004414220365470896, 0.0463235995307836,
    0.2713975460834702, 0.8816939280405709, 1.4689609596220656, 0.9676722454476212)
DIGAMMA_Q = (7.743378858567167e-09, 1.2140567486316612e-06, 6.303659565771305e-05,
    0.001523689751898851, 0.019730416635528537, 0.14608100034793006, 0.6304076035591754,
    1.5479547954397286, 1.9755905345010092, 1.0)
ROOT = (1.4616321449683622, 9.549995429965697e-17)  # the zero of digamma, in two parts
DIGAMMA_FAR = (-0.299425370626662, 0.08002337465397329, -0.02105106090804764,
    0.007575459920369175, -0.004166665501516725, 0.003968253965999701, -0.008333333333331664,
    0.08333333333333333)
# B(2j) / (2j)!, with Bernoulli numbers B
EULER_MACLAURIN = (0.08333333333333333, -0.001388888888888889, 3.306878306878307e-05,
    -8.267195767195768e-07, 2.08767569878681e-08, -5.284190138687493e-10, 1.3382536530684679e-11,
    -3.3896802963225827e-13, 8.586062056277845e-15, -2.174868698558062e-16,
    5.5090028283602295e-18, -1.3954464685812522e-19)

gamma     = Elementwise("gamma", by_blocks(gamma_of),
                        lambda t, y, x: mul(t, mul(y, digamma(x))))
gammaln   = Elementwise("gammaln", by_blocks(gammaln_of, scalar=gammaln_of_float),
                        lambda t, y, x: mul(t, digamma(x)))
gammasgn  = NonDifferentiable("gammasgn", by_blocks(gammasgn_of))
digamma   = Elementwise("digamma", by_blocks(digamma_of, scalar=digamma_of_float),
                        lambda t, y, x: mul(t, polygamma(1, x)))
polygamma = Elementwise("polygamma", by_blocks(polygamma_of), no_derivative_in("polygamma", "n"),
                        lambda t, y, n, x: mul(t, polygamma(n + 1, x)))
zeta      = Elementwise("zeta", by_blocks(zeta_of), no_derivative_in("zeta", "x"),
                        lambda t, y, s, q: mul(t, mul(-s, zeta(s + 1, q))))
# fmt: on
